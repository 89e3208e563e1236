// SPDX-License-Identifier: GPL-2.0-or-later
// What compilers inline much of: containers, templates of templates, lambdas. See inlines_test.c.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <unordered_map>
#include <vector>
namespace shop
{
struct Item {
	std::string name;
	int price;
	std::vector<double> history;
};
template <typename K, typename V> class Index
{
	std::map<K, std::vector<V>> by_key;
	std::unordered_map<K, size_t> counts;

      public:
	void add(const K &key, V value)
	{
		by_key[key].push_back(std::move(value));
		counts[key]++;
	}
	template <typename F> size_t each(F f) const
	{
		size_t n = 0;
		for (auto &[key, values] : by_key)
			for (auto &value : values) {
				f(key, value);
				n++;
			}
		return n;
	}
	size_t of(const K &key) const
	{
		auto found = counts.find(key);
		return found == counts.end() ? 0 : found->second;
	}
};
template <int N> struct Power {
	static double of(double x)
	{
		return x * Power<N - 1>::of(x + 1);
	}
};
template <> struct Power<0> {
	static double of(double)
	{
		return 1;
	}
};
struct Visitor {
	virtual ~Visitor() = default;
	virtual double visit(const Item &item) = 0;
};
struct Mean final : Visitor {
	double visit(const Item &item) override
	{
		return item.history.empty()
			       ? 0
			       : std::accumulate(item.history.begin(), item.history.end(), 0.0) /
					 item.history.size();
	}
};
} // namespace shop
using namespace shop;
__attribute__((noinline)) std::vector<Item> make(int n)
{
	std::vector<Item> items;
	for (int i = 0; i < n; i++) {
		Item item { "item" + std::to_string(i), i * 7 % 31, {} };
		for (int k = 0; k < i % 5; k++)
			item.history.push_back(Power<6>::of(k));
		items.push_back(std::move(item));
	}
	std::sort(items.begin(), items.end(), [](const Item &a, const Item &b) {
		return a.price < b.price || (a.price == b.price && a.name > b.name);
	});
	return items;
}
int main(int argc, char **argv)
{
	Index<std::string, std::shared_ptr<Item>> index;
	Index<int, double> prices;
	std::unique_ptr<Visitor> visitor(new Mean);
	double sum = 0;
	for (auto &item : make(argc * 40)) {
		index.add(item.name.substr(0, 5), std::make_shared<Item>(item));
		prices.add(item.price, visitor->visit(item));
	}
	index.each([&](const std::string &key, const std::shared_ptr<Item> &item) {
		sum += key.size() * item->price;
		try {
			sum += std::stod(item->name.substr(4));
		} catch (const std::exception &e) {
			std::puts(e.what());
		}
	});
	std::function<void(int, double)> f = [&](int price, double mean) { sum += price + mean; };
	prices.each(f);
	std::printf("%f %zu\n", sum, index.of(argv[0]));
}
