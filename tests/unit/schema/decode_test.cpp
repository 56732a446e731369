#include "schema/decode.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

using namespace lintas;
using namespace lintas::schema;

namespace {

constexpr auto kNull = std::nullopt;
constexpr std::uint64_t kShopFingerprint = 0xda31b733b2380168;

CatalogueTables shop() {
    CatalogueTables tables;
    tables.relations = {
        {"10", "public", "products", "r", "t", "t", "t",
         R"json([["id","integer",false,false,false,false,"i",false,"nextval('public.products_id_seq'::regclass)"],
             ["na\"me\u00e9","text",true,false,false,false,"t",false,null],
             ["attributes","jsonb",false,true,false,false,"o",false,"'{}'::jsonb"],
             ["search","tsvector",true,false,true,true,"o",false,null],
             ["made","date",true,false,false,false,"o",true,null],
             ["token","uuid",true,false,false,false,"u",false,null]])json",
         R"(["id"])", R"([["id"],["sku","name"]])", "f", "t", "f"},
        {"11", "public", "active", "v", "t", "t", "f",
         R"([["id","integer",true,false,false,false,"i",false,null]])", "[]", "[]", "t", "f", "f"},
        {"12", "public", "empty", "p", "t", "t", "t", "[]", "[]", "[]", "t", "f", "f"},
        {"13", "public", "saved", "m", "f", "f", "f", "[]", "[]", "[]", "t", "f", "f"},
        {"14", "public", "remote", "f", "f", "f", "f", "[]", "[]", "[]", "t", "f", "f"}};
    tables.traits = {
        {"10", "t", "f", "[4294967295,10,10]", "f", "f", "t", kNull, "d0"},
        {"11", "f", "t", "[10, 13]", "f", "t", "f", "uses the current date or time", "d1"},
        {"12", "f", "f", "[12]", "t", "f", "f", "reads an unlogged table", "d2"},
        {"13", "f", "f", "[13]", "f", "t", "f", kNull, "d3"}};
    tables.view_keys = {{"11", R"(["id"])"}, {"99", R"(["x"])"}};
    tables.functions = {{"public", "low_stock", "s"}};
    tables.roles = {
        {"web_anon", R"([["statement_timeout","3s"],["app.x","a=b"]])", "repeatable read"},
        {"shop_user", "[]", kNull},
        {"lax", "[]", "read uncommitted"}};
    tables.missing_schemas = {{"nope"}};
    return tables;
}

}  // namespace

TEST_CASE("decode: relations keep order, names, types and defaults", "[unit][schema]") {
    const Result<Loaded> loaded = decode(shop());
    REQUIRE(loaded.has_value());
    const Catalogue& catalogue = *loaded->catalogue;
    CHECK(catalogue.relations().size() == 5);

    const Relation* products = catalogue.relation("public", "products");
    REQUIRE(products != nullptr);
    CHECK(products->kind == RelationKind::table);
    REQUIRE(products->columns.size() == 6);
    CHECK(products->columns[0].default_sql == "nextval('public.products_id_seq'::regclass)");
    CHECK_FALSE(products->columns[0].nullable);
    CHECK(products->columns[1].name == "na\"me\u00e9");
    CHECK_FALSE(products->columns[1].default_sql.has_value());
    CHECK(products->column("attributes")->is_json);
    CHECK(products->column("search")->is_tsvector);
    CHECK(products->column("search")->generated);
    CHECK_FALSE(products->may_set_response);
    CHECK(products->cascades);
    CHECK_FALSE(catalogue.relation("public", "active")->cascades);
    CHECK(catalogue.relation("public", "active")->may_set_response);
    CHECK(products->primary_key == std::vector<std::string>{"id"});
    CHECK(products->unique_keys == std::vector<std::vector<std::string>>{{"id"}, {"sku", "name"}});
    CHECK(products->row_security);
    CHECK_FALSE(products->has_volatile_parts);

    CHECK(catalogue.relation("public", "empty")->kind == RelationKind::partitioned);
    CHECK(catalogue.relation("public", "saved")->kind == RelationKind::materialized_view);
    CHECK(catalogue.relation("public", "remote")->kind == RelationKind::foreign);
}

TEST_CASE("decode: a view gets the key that was traced for it", "[unit][schema]") {
    const Result<Loaded> loaded = decode(shop());
    REQUIRE(loaded.has_value());
    const Relation* active = loaded->catalogue->relation("public", "active");
    REQUIRE(active != nullptr);
    CHECK(active->kind == RelationKind::view);
    CHECK(active->primary_key == std::vector<std::string>{"id"});
    CHECK(active->unique_keys.empty());
    CHECK(active->has_volatile_parts);
    CHECK(active->insertable);
    CHECK_FALSE(active->deletable);
}

TEST_CASE("decode: of a relation without known traits the worst is believed", "[unit][schema]") {
    const Result<Loaded> loaded = decode(shop());
    REQUIRE(loaded.has_value());
    CHECK(loaded->catalogue->relation("public", "remote")->row_security);
    CHECK(loaded->catalogue->relation("public", "remote")->has_volatile_parts);
    CHECK_FALSE(loaded->catalogue->relation("public", "saved")->row_security);
}

TEST_CASE("decode: what a cache must know", "[unit][schema]") {
    const Result<Loaded> loaded = decode(shop());
    REQUIRE(loaded.has_value());
    const Catalogue& catalogue = *loaded->catalogue;
    const Relation* products = catalogue.relation("public", "products");
    CHECK(products->oid == 10);
    CHECK(products->reads == std::vector<std::uint32_t>{10, 4294967295});
    CHECK_FALSE(products->needs_primary);
    CHECK_FALSE(products->reads_materialized);
    CHECK(products->reads_claims);
    CHECK(products->cacheability == Cacheability::yes);
    CHECK(products->why_not_cacheable.empty());

    const Relation* active = catalogue.relation("public", "active");
    CHECK(active->reads_materialized);
    CHECK_FALSE(active->reads_claims);
    CHECK(active->cacheability == Cacheability::no);
    CHECK(active->why_not_cacheable == "uses the current date or time");
    CHECK(catalogue.relation("public", "empty")->needs_primary);
    CHECK_FALSE(catalogue.relation("public", "saved")->needs_primary);

    const Relation* unknown = catalogue.relation("public", "remote");
    CHECK(unknown->needs_primary);
    CHECK(unknown->reads_claims);
    CHECK(unknown->cacheability == Cacheability::no);
    CHECK_FALSE(unknown->why_not_cacheable.empty());
}

TEST_CASE("decode: columns say how a key's text is made canonical and what reads the clock",
          "[unit][schema]") {
    const Result<Loaded> loaded = decode(shop());
    REQUIRE(loaded.has_value());
    const Relation* products = loaded->catalogue->relation("public", "products");
    std::vector<KeyType> types;
    for (const Column& column : products->columns) types.push_back(column.key_type);
    CHECK(types == std::vector{KeyType::integer, KeyType::text, KeyType::other, KeyType::other,
                               KeyType::other, KeyType::uuid});
    CHECK(products->column("made")->input_reads_clock);
    CHECK_FALSE(products->column("id")->input_reads_clock);
}

TEST_CASE("decode: only an ordinary table without children has a row key", "[unit][schema]") {
    struct Row {
        const char* kind;
        const char* key;
        const char* has_children;
        std::vector<std::size_t> row_key;
    };
    const auto row = GENERATE(values<Row>({
        {"r", R"(["id"])", "f", {0}},
        {"r", R"(["token","id"])", "f", {5, 0}},
        {"r", R"(["id","made"])", "f", {}},
        {"r", R"(["gone"])", "f", {}},
        {"r", "[]", "f", {}},
        {"r", R"(["id"])", "t", {}},
        {"p", R"(["id"])", "f", {}},
        {"v", R"(["id"])", "f", {}},
        {"m", R"(["id"])", "f", {}},
    }));
    CAPTURE(row.kind, row.key, row.has_children);
    CatalogueTables tables = shop();
    tables.relations[0][3] = row.kind;
    tables.relations[0][8] = row.key;
    tables.relations[0][12] = row.has_children;
    const Result<Loaded> loaded = decode(tables);
    REQUIRE(loaded.has_value());
    CHECK(loaded->catalogue->relation("public", "products")->row_key == row.row_key);
}

TEST_CASE("fingerprint: the order of rows does not count", "[unit][schema]") {
    const std::uint64_t before = decode(shop())->catalogue->fingerprint();
    CatalogueTables tables = shop();
    std::ranges::reverse(tables.relations);
    std::ranges::reverse(tables.traits);
    std::ranges::reverse(tables.roles);
    CHECK(decode(tables)->catalogue->fingerprint() == before);
    CHECK(decode(CatalogueTables{})->catalogue->fingerprint() == 0);
    // The same on every host and with every build: it is compared between processes.
    CHECK(before == kShopFingerprint);
}

TEST_CASE("fingerprint: every cell counts, and where it is", "[unit][schema]") {
    const auto fingerprint = [](const CatalogueTables& tables) {
        return decode(tables)->catalogue->fingerprint();
    };
    std::vector<std::uint64_t> seen{fingerprint(shop())};
    const auto changed = [&](const std::function<void(CatalogueTables&)>& change) {
        CatalogueTables tables = shop();
        change(tables);
        seen.push_back(fingerprint(tables));
    };
    changed([](auto& t) { t.traits[0][8] = "d9"; });
    changed([](auto& t) { t.traits[0][7] = ""; });
    changed([](auto& t) { t.traits[0][1] = "f"; });
    changed([](auto& t) { std::swap(t.traits[0][8], t.traits[1][8]); });
    changed([](auto& t) { t.relations[0][2] = "product"; });
    changed([](auto& t) { t.relations[1][7] = "[]"; });
    changed([](auto& t) { t.relations.pop_back(); });
    changed([](auto& t) { t.functions.push_back(t.functions[0]); });
    changed([](auto& t) { t.functions[0][2] = "v"; });
    changed([](auto& t) { t.functions.clear(); });
    changed([](auto& t) { t.roles[1][2] = "serializable"; });
    changed([](auto& t) { t.roles[0][1] = "[]"; });
    changed([](auto& t) { t.view_keys.clear(); });
    changed([](auto& t) { t.missing_schemas.clear(); });
    // The same row of another result is another fact.
    changed([](auto& t) {
        t.functions.push_back({"a", "b", "s"});
        t.roles.clear();
    });
    changed([](auto& t) {
        t.functions.push_back({"ab", "", "s"});
        t.roles.clear();
    });
    std::ranges::sort(seen);
    CHECK(std::ranges::adjacent_find(seen) == seen.end());
}

TEST_CASE("decode: functions, roles and missing schemas", "[unit][schema]") {
    const Result<Loaded> loaded = decode(shop());
    REQUIRE(loaded.has_value());
    CHECK(loaded->catalogue->function("public", "low_stock")->volatility == 's');
    const Role* anon = loaded->catalogue->role("web_anon");
    REQUIRE(anon != nullptr);
    CHECK(anon->isolation == "repeatable read");
    CHECK(anon->settings == std::vector<std::pair<std::string, std::string>>{
                                {"statement_timeout", "3s"}, {"app.x", "a=b"}});
    CHECK(loaded->catalogue->role("shop_user")->isolation.empty());
    CHECK(loaded->catalogue->role("lax")->isolation == "read committed");
    CHECK(loaded->missing_schemas == std::vector<std::string>{"nope"});
}

TEST_CASE("decode: an empty database is an empty catalogue", "[unit][schema]") {
    const Result<Loaded> loaded = decode({});
    REQUIRE(loaded.has_value());
    CHECK(loaded->catalogue->relations().empty());
    CHECK(loaded->missing_schemas.empty());
}

TEST_CASE("decode: a row that makes no sense is an error that names query and column",
          "[unit][schema]") {
    struct Row {
        const char* what;
        std::function<void(CatalogueTables&)> spoil;
        const char* message;
    };
    const Row rows[] = {
        {"null name", [](CatalogueTables& t) { t.relations[0][2] = kNull; },
         "catalogue query relations: column 3 is null"},
        {"unknown kind", [](CatalogueTables& t) { t.relations[0][3] = "S"; },
         "catalogue query relations: column 4 is not a known kind of relation"},
        {"long boolean", [](CatalogueTables& t) { t.relations[0][4] = "true"; },
         "catalogue query relations: column 5 is not one letter"},
        {"odd boolean", [](CatalogueTables& t) { t.relations[0][5] = "x"; },
         "catalogue query relations: column 6 is not a boolean"},
        {"broken JSON", [](CatalogueTables& t) { t.relations[0][7] = "[["; },
         "catalogue query relations: column 8 is not a JSON array"},
        {"an object", [](CatalogueTables& t) { t.relations[0][7] = "{}"; },
         "catalogue query relations: column 8 is not a JSON array"},
        {"short column", [](CatalogueTables& t) { t.relations[0][7] = R"([["id"]])"; },
         "catalogue query relations: column 8 is not a list of columns"},
        {"column types",
         [](CatalogueTables& t) {
             t.relations[0][7] = R"([["id","integer",false,false,false,"f","i",false,null]])";
         },
         "catalogue query relations: column 8 is not a list of columns"},
        {"key type",
         [](CatalogueTables& t) {
             t.relations[0][7] = R"([["id","integer",false,false,false,false,"x",false,null]])";
         },
         "catalogue query relations: column 8 is not a list of columns"},
        {"clock",
         [](CatalogueTables& t) {
             t.relations[0][7] = R"([["id","integer",false,false,false,false,"i",null,null]])";
         },
         "catalogue query relations: column 8 is not a list of columns"},
        {"oid", [](CatalogueTables& t) { t.relations[0][0] = "4294967296"; },
         "catalogue query relations: column 1 is not an oid"},
        {"key of numbers", [](CatalogueTables& t) { t.relations[0][8] = "[1]"; },
         "catalogue query relations: column 9 is not a list of names"},
        {"flat unique keys", [](CatalogueTables& t) { t.relations[0][9] = R"(["id"])"; },
         "catalogue query relations: column 10 is not a list of keys"},
        {"short row", [](CatalogueTables& t) { t.relations[0].pop_back(); },
         "catalogue query relations: column 13 is missing"},
        {"traits", [](CatalogueTables& t) { t.traits[1][2] = kNull; },
         "catalogue query traits: column 3 is null"},
        {"reads", [](CatalogueTables& t) { t.traits[1][3] = R"(["10"])"; },
         "catalogue query traits: column 4 is not a list of oids"},
        {"reads too much", [](CatalogueTables& t) { t.traits[1][3] = "[4294967296]"; },
         "catalogue query traits: column 4 is not a list of oids"},
        {"short traits", [](CatalogueTables& t) { t.traits[1].resize(7); },
         "catalogue query traits: column 8 is missing"},
        {"view keys", [](CatalogueTables& t) { t.view_keys[0][1] = "[null]"; },
         "catalogue query view_keys: column 2 is not a list of names"},
        {"volatility", [](CatalogueTables& t) { t.functions[0][2] = "x"; },
         "catalogue query functions: column 3 is not a volatility"},
        {"settings", [](CatalogueTables& t) { t.roles[0][1] = R"([["work_mem"]])"; },
         "catalogue query roles: column 2 is not a list of settings"},
        {"missing schema", [](CatalogueTables& t) { t.missing_schemas[0][0] = kNull; },
         "catalogue query missing_schemas: column 1 is null"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        CatalogueTables tables = shop();
        row.spoil(tables);
        const Result<Loaded> loaded = decode(tables);
        REQUIRE_FALSE(loaded.has_value());
        CHECK(loaded.error().code == Errc::internal);
        CHECK(loaded.error().message == row.message);
    }
}
