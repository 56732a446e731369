#include "schema/catalogue.hpp"

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "schema/holder.hpp"

using namespace lintas::schema;

namespace {

Relation relation_named(std::string schema, std::string name) {
    Relation relation;
    relation.schema = std::move(schema);
    relation.name = std::move(name);
    return relation;
}

Catalogue shop() {
    Relation products = relation_named("public", "products");
    products.columns.push_back({.name = "id", .type = "integer", .nullable = false});
    products.columns.push_back({.name = "Na\"me", .type = "text"});
    return Catalogue{
        {products, relation_named("api", "products"), relation_named("a", "b.c"),
         relation_named("a.b", "c")},
        {{.schema = "public", .name = "low_stock", .volatility = 's'}},
        {{.name = "web_anon", .settings = {{"statement_timeout", "3s"}}, .isolation = {}}}};
}

}  // namespace

TEST_CASE("catalogue: a relation is found by schema and name, both exact", "[unit][schema]") {
    const Catalogue catalogue = shop();
    struct Row {
        const char* schema;
        const char* name;
        bool found;
    };
    const auto row = GENERATE(values<Row>({
        {"public", "products", true},
        {"api", "products", true},
        {"public", "Products", false},
        {"", "products", false},
        {"public", "", false},
        {"a", "b.c", true},
        {"a.b", "c", true},
        {"a.b", "b.c", false},
    }));
    CAPTURE(row.schema, row.name);
    const Relation* found = catalogue.relation(row.schema, row.name);
    REQUIRE((found != nullptr) == row.found);
    if (found != nullptr) {
        CHECK(found->schema == row.schema);
        CHECK(found->name == row.name);
    }
}

TEST_CASE("catalogue: functions, roles and columns are found by name", "[unit][schema]") {
    const Catalogue catalogue = shop();
    REQUIRE(catalogue.function("public", "low_stock") != nullptr);
    CHECK(catalogue.function("public", "low_stock")->volatility == 's');
    CHECK(catalogue.function("api", "low_stock") == nullptr);
    REQUIRE(catalogue.role("web_anon") != nullptr);
    CHECK(catalogue.role("web_anon")->settings.front().second == "3s");
    CHECK(catalogue.role("WEB_ANON") == nullptr);
    const Relation* products = catalogue.relation("public", "products");
    REQUIRE(products->column("Na\"me") != nullptr);
    CHECK(products->column("Na\"me")->type == "text");
    CHECK(products->column("name") == nullptr);
}

TEST_CASE("catalogue: a copy outlives what it was copied from", "[unit][schema]") {
    std::optional<Catalogue> original{shop()};
    const Catalogue copy = *original;
    original.reset();
    REQUIRE(copy.relation("public", "products") != nullptr);
    CHECK(copy.relation("public", "products")->columns.size() == 2);
    CHECK(copy.role("web_anon") != nullptr);
}

TEST_CASE("catalogue: names may be views into a longer text", "[unit][schema]") {
    const Catalogue catalogue = shop();
    const std::string_view target = "/products?select=id";
    CHECK(catalogue.relation("public", target.substr(1, 8)) != nullptr);
}

TEST_CASE("holder: nothing is there before the first swap, and a swap is seen", "[unit][schema]") {
    Holder holder;
    CachedSnapshot cached{holder};
    CHECK(holder.version() == 0);
    CHECK(holder.get() == nullptr);
    CHECK(cached.get() == nullptr);

    const auto first = std::make_shared<const Catalogue>(shop());
    holder.set(first);
    CHECK(holder.version() == 1);
    CHECK(cached.get() == first);

    const auto second = std::make_shared<const Catalogue>(shop());
    holder.set(second);
    CHECK(cached.get() == second);
    CHECK(first.use_count() == 1);
}

TEST_CASE("holder: readers on other threads only ever see whole snapshots, in order",
          "[unit][schema]") {
    Holder holder;
    constexpr std::size_t kSwaps = 300;
    std::vector<std::thread> readers;
    std::vector<char> fine(2, 1);
    for (std::size_t r = 0; r < fine.size(); ++r) {
        readers.emplace_back([&holder, &good = fine[r]] {
            CachedSnapshot cached{holder};
            std::size_t seen = 0;
            while (seen < kSwaps) {
                const Snapshot& now = cached.get();
                const std::size_t size = now == nullptr ? 0 : now->relations().size();
                if (size < seen) good = 0;
                seen = size;
                std::this_thread::yield();
            }
        });
    }
    std::vector<Relation> relations;
    for (std::size_t i = 0; i < kSwaps; ++i) {
        relations.push_back(relation_named("public", std::to_string(i)));
        holder.set(std::make_shared<const Catalogue>(relations, std::vector<Function>{},
                                                      std::vector<Role>{}));
    }
    for (std::thread& reader : readers) reader.join();
    CHECK(fine == std::vector<char>{1, 1});
    CHECK(holder.version() == kSwaps);
}
