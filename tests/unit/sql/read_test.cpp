#include <catch2/catch.hpp>

#include "requests.hpp"

using namespace lintas;
using namespace lintas::sql;
using namespace lintas::sql::test;
using Count = parse::Preferences::Count;
using parse::Media;
using parse::Op;

namespace {

Read read(const parse::Request& request, Media media = Media::json, const ReadOptions& options = {},
          const schema::Relation& relation = table()) {
    Result<Read> built = build_read(request, relation, media, options);
    REQUIRE(built);
    return *built;
}

const std::string kTail =
    " AS body, nullif(current_setting('response.headers', true), '') AS response_headers, "
    "nullif(current_setting('response.status', true), '') AS response_status, NULL AS inserted "
    "FROM ";

}  // namespace

TEST_CASE("read: the main statement has its seven columns in order", "[unit][sql]") {
    const Read all = read(get());
    CHECK(all.main.text ==
          "SELECT NULL AS total, count(*) AS page, NULL AS location, "
          "coalesce(json_agg(_t.*), '[]')::text" +
              kTail + R"((SELECT "s"."t".* FROM "s"."t") _t)");
    CHECK(all.main.params.empty());
    CHECK_FALSE(all.explain);
}

TEST_CASE("read: select, filters, order and window come in the order of SQL", "[unit][sql]") {
    parse::Request request = get();
    request.query.select = {item("data", {key("k")})};
    request.query.where = {filter("id", Op::gt, "1")};
    request.query.order = {{{"data", {key("o")}}}};
    request.window = {2, 3};
    const Read built = read(request);
    CHECK(between(built.main.text, "FROM (", ") _t") ==
          R"(SELECT "s"."t"."data"->$1 AS "k" FROM "s"."t" WHERE "s"."t"."id" > $2 )"
          R"(ORDER BY "s"."t"."data"->$3 LIMIT $4 OFFSET $5)");
    CHECK(built.main.params == Params{"k", "1", "o", "3", "2"});
}

TEST_CASE("read: every media type has its body", "[unit][sql]") {
    const auto body = [](Media media) {
        return between(read(get(), media).main.text, "AS location, ", " AS body");
    };
    CHECK(body(Media::json) == "coalesce(json_agg(_t.*), '[]')::text");
    CHECK(body(Media::json_stripped) == "coalesce(json_strip_nulls(json_agg(_t.*)), '[]')::text");
    CHECK(body(Media::object) == "coalesce(json_agg(_t.*)->0, 'null')::text");
    CHECK(body(Media::object_stripped) ==
          "coalesce(json_strip_nulls(json_agg(_t.*)->0), 'null')::text");
    CHECK(body(Media::csv) ==
          "(SELECT coalesce(string_agg(a.k, ','), '') FROM (SELECT "
          "json_object_keys(row_to_json(h.*)) AS "
          "k FROM (SELECT * FROM shaped LIMIT 1) h) a) || E'\\n' || coalesce(string_agg(substring("
          "(_t.*)::text, 2, length((_t.*)::text) - 2), E'\\n'), '')");
}

TEST_CASE("read: CSV names its rows, because the header line reads them too", "[unit][sql]") {
    const std::string text = read(get(), Media::csv).main.text;
    CHECK(
        text.starts_with(R"(WITH shaped AS (SELECT "s"."t".* FROM "s"."t") SELECT NULL AS total)"));
    CHECK(text.ends_with("AS inserted FROM shaped _t"));
}

TEST_CASE("read: HEAD runs the same rows and makes no body", "[unit][sql]") {
    parse::Request request = get();
    request.method = parse::Method::head;
    request.query.where = {filter("id", Op::eq, "1")};
    for (const Media media : {Media::json, Media::csv, Media::object}) {
        const Read built = read(request, media);
        CHECK(between(built.main.text, "AS location, ", " AS body") == "''");
        CHECK_FALSE(built.plain_rows);
    }
}

TEST_CASE("read: max_rows clamps every window", "[unit][sql]") {
    struct Row {
        parse::Window window;
        Params params;
    };
    const auto row = GENERATE(values<Row>({
        {{0, std::nullopt}, {"4", "0"}},
        {{3, std::nullopt}, {"4", "3"}},
        {{0, 3}, {"3", "0"}},
        {{0, 5}, {"4", "0"}},
        {{0, 0}, {"0", "0"}},
    }));
    parse::Request request = get();
    request.window = row.window;
    const Read built = read(request, Media::json, {.max_rows = 4});
    CHECK(built.main.params == row.params);
    CHECK(
        built.main.text.ends_with(R"(FROM (SELECT "s"."t".* FROM "s"."t" LIMIT $1 OFFSET $2) _t)"));
}

TEST_CASE("count: exact counts without the window and with the same parameters", "[unit][sql]") {
    parse::Request request = get();
    request.prefer.count = Count::exact;
    request.query.where = {filter("id", Op::gt, "1")};
    CHECK(between(read(request).main.text, "SELECT ", " AS total") == "count(*)");

    request.window.limit = 3;
    const Read limited = read(request);
    CHECK(between(limited.main.text, "SELECT ", " AS total") ==
          R"((SELECT count(*) FROM "s"."t" WHERE "s"."t"."id" > $1))");
    CHECK(limited.main.params == Params{"1", "3", "0"});
    CHECK_FALSE(limited.explain);

    request.window = {};
    CHECK(between(read(request, Media::json, {.max_rows = 10}).main.text, "SELECT ", " AS total") ==
          R"((SELECT count(*) FROM "s"."t" WHERE "s"."t"."id" > $1))");
}

TEST_CASE("count: planned asks the plan alone", "[unit][sql]") {
    parse::Request request = get();
    request.prefer.count = Count::planned;
    request.query.where = {filter("id", Op::gt, "1")};
    request.query.select = {item("data", {key("k")})};
    request.window.limit = 3;
    const Read built = read(request);
    CHECK(between(built.main.text, "SELECT ", " AS total") == "NULL");
    REQUIRE(built.explain);
    CHECK(built.explain->text ==
          R"(EXPLAIN (FORMAT JSON) SELECT 1 FROM "s"."t" WHERE "s"."t"."id" > $1)");
    CHECK(built.explain->params == Params{"1"});
}

TEST_CASE("count: estimated stops counting behind max_rows and asks the plan too", "[unit][sql]") {
    parse::Request request = get();
    request.prefer.count = Count::estimated;
    request.query.where = {filter("id", Op::gt, "1")};
    const Read capped = read(request, Media::json, {.max_rows = 10});
    CHECK(between(capped.main.text, "SELECT ", " AS total") ==
          R"((SELECT count(*) FROM (SELECT 1 FROM "s"."t" WHERE "s"."t"."id" > $1 LIMIT $4) c))");
    CHECK(capped.main.params == Params{"1", "10", "0", "11"});
    CHECK(capped.explain);

    request.window.limit = 2;
    const Read uncapped = read(request);
    CHECK(between(uncapped.main.text, "SELECT ", " AS total") ==
          R"((SELECT count(*) FROM "s"."t" WHERE "s"."t"."id" > $1))");
    CHECK(uncapped.explain);
}

TEST_CASE("read: values never change the text", "[unit][sql]") {
    const auto text = [](std::string value, std::int64_t limit, std::string path_key) {
        parse::Request request = get();
        request.query.select = {item("data", {key(std::move(path_key))})};
        request.query.select.front().alias = "x";
        request.query.where = {filter("id", Op::eq, value), filter("name", Op::in, "")};
        request.query.where[1].filter.list = {value, value};
        request.window = {limit, limit};
        return read(request, Media::csv).main.text;
    };
    CHECK(text("1", 1, "a") == text("'); DROP TABLE t; --", 99, "b\"'"));
}

TEST_CASE("plain rows: one row of a table by a unique key, and its exact text", "[unit][sql]") {
    parse::Request request = get();
    request.query.select = {item("id"), item("name")};
    request.query.where = {filter("id", Op::eq, "7")};
    const Read by_key = read(request);
    REQUIRE(by_key.plain_rows);
    CHECK(
        by_key.main.text ==
        R"(SELECT row_to_json(_t.*)::text FROM (SELECT "s"."t"."id", "s"."t"."name" FROM "s"."t" )"
        R"(WHERE "s"."t"."id" = $1) _t)");
    CHECK(by_key.main.params == Params{"7"});

    request.query.where = {filter("tags", Op::cs, "{}"), filter("name", Op::eq, "x")};
    request.window = {0, 1};
    const Read by_other = read(request, Media::object);
    CHECK(by_other.plain_rows);
    CHECK(by_other.main.text.ends_with(
        R"(WHERE "s"."t"."tags" @> $1 AND "s"."t"."name" = $2 LIMIT $3 OFFSET $4) _t)"));
}

TEST_CASE("plain rows: anything that could need more is not plain", "[unit][sql]") {
    const auto plain = [](const auto& change) {
        parse::Request request = get();
        request.query.where = {filter("id", Op::eq, "7")};
        schema::Relation relation = table();
        Media media = Media::json;
        ReadOptions options;
        change(request, relation, media, options);
        return build_read(request, relation, media, options).value().plain_rows;
    };
    using R = parse::Request&;
    using T = schema::Relation&;
    using M = Media&;
    using O = ReadOptions&;
    CHECK(plain([](R, T, M, O) {}));
    CHECK(plain([](R, T t, M, O) { t.kind = schema::RelationKind::partitioned; }));
    CHECK(plain([](R, T, M, O o) { o.max_rows = 5; }));
    CHECK_FALSE(plain([](R r, T, M, O) { r.query.where[0].filter.negated = true; }));
    CHECK_FALSE(plain([](R r, T, M, O) { r.query.where[0].filter.op = Op::gte; }));
    CHECK_FALSE(
        plain([](R r, T, M, O) { r.query.where[0].filter.quantifier = parse::Quantifier::any; }));
    CHECK_FALSE(plain([](R r, T, M, O) { r.query.where[0].filter.field.path = {key("k")}; }));
    CHECK_FALSE(plain([](R r, T, M, O) { r.query.where[0].filter.field.column = "up"; }));
    CHECK_FALSE(plain([](R r, T, M, O) {
        parse::Tree any;
        any.kind = parse::Tree::Kind::any_of;
        any.children = r.query.where;
        r.query.where = {any};
    }));
    CHECK_FALSE(plain([](R r, T, M, O) { r.query.where.clear(); }));
    CHECK_FALSE(plain([](R r, T, M, O) { r.prefer.count = Count::exact; }));
    CHECK_FALSE(plain([](R r, T, M, O) { r.prefer.count = Count::planned; }));
    CHECK_FALSE(plain([](R r, T, M, O) { r.query.select = {item("a_function")}; }));
    CHECK_FALSE(plain([](R r, T, M, O) { r.query.order = {{{"a_function", {}}}}; }));
    CHECK_FALSE(plain([](R, T t, M, O) { t.row_security = true; }));
    CHECK_FALSE(plain([](R, T t, M, O) { t.kind = schema::RelationKind::view; }));
    CHECK_FALSE(plain([](R, T t, M, O) { t.kind = schema::RelationKind::materialized_view; }));
    CHECK_FALSE(plain([](R, T t, M, O) { t.kind = schema::RelationKind::foreign; }));
    CHECK_FALSE(plain([](R, T, M m, O) { m = Media::csv; }));
    CHECK_FALSE(plain([](R, T, M m, O) { m = Media::json_stripped; }));
    CHECK_FALSE(plain([](R, T, M m, O) { m = Media::object_stripped; }));
    CHECK_FALSE(plain([](R, T, M, O o) { o.pre_request = true; }));
    CHECK_FALSE(plain([](R, T t, M, O) {
        t.primary_key = {"id", "name"};
        t.unique_keys = {{"id", "name"}};
    }));
}

TEST_CASE("read: what the database can see decides what settings and transactions are shared",
          "[unit][sql]") {
    struct Flags {
        bool sees_only_role;
        bool shareable;
        bool operator==(const Flags&) const = default;
    };
    const auto flags = [](const auto& change) {
        parse::Request request = get();
        schema::Relation relation = table();
        change(request, relation);
        const Read built = build_read(request, relation, Media::json, {}).value();
        return Flags{built.sees_only_role, built.shareable};
    };
    using R = parse::Request&;
    using T = schema::Relation&;
    const auto with_cast = [](std::string cast, std::string name) {
        return [cast, name](R r, T) {
            r.query.select = {item(name)};
            r.query.select[0].cast = cast;
        };
    };
    CHECK(flags([](R, T) {}) == Flags{true, true});
    CHECK(flags([](R, T t) { t.kind = schema::RelationKind::materialized_view; }) ==
          Flags{true, true});
    CHECK(flags([](R, T t) { t.kind = schema::RelationKind::view; }) == Flags{false, true});
    CHECK(flags([](R, T t) { t.kind = schema::RelationKind::foreign; }) == Flags{false, true});
    CHECK(flags([](R, T t) { t.row_security = true; }) == Flags{false, true});
    CHECK(flags([](R, T t) {
              t.kind = schema::RelationKind::view;
              t.has_volatile_parts = true;
          }) == Flags{false, false});
    CHECK(flags([](R r, T) { r.query.select = {item("fn")}; }) == Flags{false, false});
    CHECK(flags([](R r, T) { r.query.where = {filter("fn", Op::eq, "1")}; }) ==
          Flags{false, false});
    CHECK(flags([](R r, T) { r.query.order = {{{"fn", {}}}}; }) == Flags{false, false});
    CHECK(flags([](R r, T) {
              parse::Tree tree;
              tree.kind = parse::Tree::Kind::any_of;
              tree.children = {filter("id", Op::eq, "1"), filter("fn", Op::eq, "1")};
              r.query.where = {tree};
          }) == Flags{false, false});
    CHECK(flags(with_cast("text", "id")) == Flags{true, true});
    CHECK(flags(with_cast(" Double   PRECISION ", "id")) == Flags{true, true});
    CHECK(flags(with_cast("timestamp with time zone", "id")) == Flags{true, true});
    CHECK(flags(with_cast("my_type", "id")) == Flags{false, false});
    CHECK(flags([&](R r, T t) {
              t.columns[0].type = "s.mood";
              with_cast("text", "id")(r, t);
          }) == Flags{false, false});
}
