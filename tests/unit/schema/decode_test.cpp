#include "schema/decode.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <optional>
#include <string>

using namespace lintas;
using namespace lintas::schema;

namespace {

constexpr auto kNull = std::nullopt;

CatalogueTables shop() {
    CatalogueTables tables;
    tables.relations = {
        {"10", "public", "products", "r", "t", "t", "t",
         R"json([["id","integer",false,false,false,false,"nextval('public.products_id_seq'::regclass)"],
             ["na\"me\u00e9","text",true,false,false,false,null],
             ["attributes","jsonb",false,true,false,false,"'{}'::jsonb"],
             ["search","tsvector",true,false,true,true,null]])json",
         R"(["id"])", R"([["id"],["sku","name"]])", "f", "t"},
        {"11", "public", "active", "v", "t", "t", "f",
         R"([["id","integer",true,false,false,false,null]])", "[]", "[]", "t", "f"},
        {"12", "public", "empty", "p", "t", "t", "t", "[]", "[]", "[]", "t", "f"},
        {"13", "public", "saved", "m", "f", "f", "f", "[]", "[]", "[]", "t", "f"},
        {"14", "public", "remote", "f", "f", "f", "f", "[]", "[]", "[]", "t", "f"}};
    tables.traits = {{"10", "t", "f"}, {"11", "f", "t"}, {"12", "f", "f"}, {"13", "f", "f"}};
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
    REQUIRE(products->columns.size() == 4);
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
             t.relations[0][7] = R"([["id","integer",false,false,false,"f",null]])";
         },
         "catalogue query relations: column 8 is not a list of columns"},
        {"key of numbers", [](CatalogueTables& t) { t.relations[0][8] = "[1]"; },
         "catalogue query relations: column 9 is not a list of names"},
        {"flat unique keys", [](CatalogueTables& t) { t.relations[0][9] = R"(["id"])"; },
         "catalogue query relations: column 10 is not a list of keys"},
        {"short row", [](CatalogueTables& t) { t.relations[0].pop_back(); },
         "catalogue query relations: column 12 is missing"},
        {"traits", [](CatalogueTables& t) { t.traits[1][2] = kNull; },
         "catalogue query traits: column 3 is null"},
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
