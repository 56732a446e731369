#include <catch2/catch.hpp>

#include "requests.hpp"

using namespace lintas;
using namespace lintas::sql;
using namespace lintas::sql::test;
using parse::Media;
using parse::Method;
using parse::Op;
using parse::Preferences;
using Resolution = Preferences::Resolution;
using Return = Preferences::Return;

namespace {

Write write(const parse::Request& request, const schema::Relation& relation = table(),
            Media media = Media::json) {
    Result<Write> built = build_write(request, relation, media);
    if (!built) FAIL(built.error().message);
    return *built;
}

/// The statement in the CTE `src`.
std::string source(const Write& built) {
    return between(built.main.text, "WITH src AS (", ") SELECT NULL AS total");
}

Errc error_of(const parse::Request& request, const schema::Relation& relation = table()) {
    const Result<Write> built = build_write(request, relation, Media::json);
    REQUIRE_FALSE(built);
    return built.error().code;
}

const std::string kUp =
    "set_config('lintas.inserted', (coalesce(nullif(current_setting('lintas.inserted', true), "
    "'')::int, 0) + 1)::text, true) <> '0'";
const std::string kDown =
    "set_config('lintas.inserted', (coalesce(nullif(current_setting('lintas.inserted', true), "
    "'')::int, 0) - 1)::text, true) <> '-1'";

}  // namespace

TEST_CASE("insert: an array, an object and rows without columns", "[unit][sql]") {
    const Write array = write(with_body(Method::post, R"([{"id":1,"name":"a"}])", {"id", "name"}));
    CHECK(array.main.text ==
          R"(WITH src AS (INSERT INTO "s"."t"("id", "name") SELECT body."id", body."name" )"
          R"(FROM json_to_recordset($1::json) AS body("id" integer, "name" text) RETURNING 1) )"
          "SELECT NULL AS total, count(*) AS page, NULL AS location, '' AS body, "
          "nullif(current_setting('response.headers', true), '') AS response_headers, "
          "nullif(current_setting('response.status', true), '') AS response_status, "
          "NULL AS inserted FROM src _t");
    CHECK(array.main.params == Params{R"([{"id":1,"name":"a"}])"});
    CHECK_FALSE(array.upsert);
    CHECK_FALSE(array.count_decides);

    CHECK(source(write(with_body(Method::post, R"({"id":1})", {"id"}))) ==
          R"(INSERT INTO "s"."t"("id") SELECT body."id" FROM json_to_record($1::json) AS )"
          R"(body("id" integer) RETURNING 1)");

    const Write empty_object = write(with_body(Method::post, "{}", {}));
    CHECK(source(empty_object) ==
          R"(INSERT INTO "s"."t" SELECT FROM (VALUES (1)) body RETURNING 1)");
    CHECK(empty_object.main.params.empty());

    const Write empty_objects = write(with_body(Method::post, "[{},{}]", {}, 2));
    CHECK(source(empty_objects) ==
          R"(INSERT INTO "s"."t" SELECT FROM json_array_elements($1::json) body RETURNING 1)");
    CHECK(empty_objects.main.params == Params{"[{},{}]"});
    CHECK(write(with_body(Method::post, "3", {}, 0)).main.params == Params{"[]"});
}

TEST_CASE("insert: the columns parameter replaces the keys of a body that nobody parsed",
          "[unit][sql]") {
    parse::Request request = with_body(Method::post, R"([{"x":1},{"id":2}])", {}, 0);
    request.payload->keys_known = false;
    request.query.columns = {"name", "id", "name"};
    const Write built = write(request);
    CHECK(source(built) ==
          R"(INSERT INTO "s"."t"("name", "id") SELECT body."name", body."id" FROM )"
          R"(json_to_recordset($1::json) AS body("name" text, "id" integer) RETURNING 1)");
    CHECK(built.main.params == Params{R"([{"x":1},{"id":2}])"});
}

TEST_CASE("insert: missing=default puts the catalogue's defaults under every element",
          "[unit][sql]") {
    parse::Request request = with_body(Method::post, R"([{"id":1}])", {"id", "name", "data", "up"});
    request.prefer.missing = Preferences::Missing::as_default;
    CHECK(
        between(write(request).main.text, " FROM ", " RETURNING") ==
        R"(jsonb_to_recordset((SELECT jsonb_agg(jsonb_build_object('id', )"
        R"(nextval('s.t_id_seq'::regclass), 'name', 'it''s'::text) || e) FROM )"
        R"(jsonb_array_elements($1::jsonb) e)) AS body("id" integer, "name" text, "data" jsonb, "up" text))");

    request.payload->json = R"({"id":1})";
    request.payload->is_object = true;
    CHECK(between(write(request).main.text, " FROM ", " AS body(") ==
          R"(jsonb_to_record(jsonb_build_object('id', nextval('s.t_id_seq'::regclass), 'name', )"
          R"('it''s'::text) || $1::jsonb))");

    request.payload->keys = {"data"};
    CHECK(between(write(request).main.text, " FROM ", " AS body(") == "json_to_record($1::json)");

    request.prefer.missing = Preferences::Missing::as_null;
    request.payload->keys = {"id"};
    CHECK(between(write(request).main.text, " FROM ", " AS body(") == "json_to_record($1::json)");
}

TEST_CASE("insert: no call gets more than the hundred arguments that PostgreSQL takes",
          "[unit][sql]") {
    schema::Relation wide = table();
    parse::Request request = with_body(Method::post, "{}", {});
    wide.columns.clear();
    for (int i = 0; i < 51; ++i) {
        wide.columns.push_back(column("c" + std::to_string(i), "integer", "0"));
        request.payload->keys.push_back("c" + std::to_string(i));
    }
    request.prefer.missing = Preferences::Missing::as_default;
    const std::string text = write(request, wide).main.text;
    CHECK(text.find("'c49', 0) || jsonb_build_object('c50', 0) || $1::jsonb") != std::string::npos);
}

TEST_CASE("insert: merge-duplicates counts its inserts, ignore-duplicates does not",
          "[unit][sql]") {
    parse::Request request = with_body(Method::post, R"([{"a":1}])", {"a", "b", "v"});
    request.prefer.resolution = Resolution::merge_duplicates;
    const Write merge = write(request, pair_table());
    CHECK(merge.upsert);
    CHECK(between(merge.main.text, "\"v\" text) ", " RETURNING") ==
          "WHERE " + kUp +
              R"( ON CONFLICT ("a", "b") DO UPDATE SET "a" = EXCLUDED."a", "b" = EXCLUDED."b", )"
              R"("v" = EXCLUDED."v" WHERE )" +
              kDown);
    CHECK(between(merge.main.text, "AS response_status, ", " AS inserted") ==
          "coalesce(nullif(current_setting('lintas.inserted', true), ''), '0')");

    request.prefer.resolution = Resolution::ignore_duplicates;
    const Write ignore = write(request, pair_table());
    CHECK_FALSE(ignore.upsert);
    CHECK(between(ignore.main.text, "\"v\" text) ", " RETURNING") ==
          R"(ON CONFLICT ("a", "b") DO NOTHING)");

    request.query.on_conflict = {"v"};
    CHECK(between(write(request, pair_table()).main.text, "\"v\" text) ", " RETURNING") ==
          R"(ON CONFLICT ("v") DO NOTHING)");
}

TEST_CASE("insert: without a key there is nothing to conflict with", "[unit][sql]") {
    schema::Relation keyless = pair_table();
    keyless.primary_key.clear();
    parse::Request request = with_body(Method::post, R"([{"a":1}])", {"a"});
    request.prefer.resolution = Resolution::merge_duplicates;
    const Write built = write(request, keyless);
    CHECK_FALSE(built.upsert);
    CHECK(source(built).find("CONFLICT") == std::string::npos);
    CHECK(between(built.main.text, "AS response_status, ", " AS inserted") == "NULL");

    parse::Request without = with_body(Method::post, R"([{"a":1}])", {"a"});
    without.query.on_conflict = {"a"};
    CHECK(source(write(without, pair_table())).find("CONFLICT") == std::string::npos);
}

TEST_CASE("insert: merging rows without columns leaves what is there", "[unit][sql]") {
    parse::Request request = with_body(Method::post, "[{}]", {});
    request.prefer.resolution = Resolution::merge_duplicates;
    CHECK(source(write(request)) ==
          R"(INSERT INTO "s"."t" SELECT FROM json_array_elements($1::json) body WHERE )" + kUp +
              R"( ON CONFLICT ("id") DO NOTHING RETURNING 1)");
}

TEST_CASE("write: the representation is a second select over the rows, by the relation's name",
          "[unit][sql]") {
    parse::Request request = with_body(Method::post, R"([{"name":"a"}])", {"name"});
    request.prefer.return_ = Return::representation;
    const Write all = write(request);
    CHECK(source(all).ends_with(R"(RETURNING "s"."t".*)"));
    CHECK(all.main.text.ends_with(R"(FROM (SELECT "t".* FROM src AS "t") _t)"));
    CHECK(between(all.main.text, "AS location, ", " AS body") ==
          "coalesce(json_agg(_t.*), '[]')::text");

    request.query.select = {item("data", {key("k")}), item("name"), item("name")};
    request.query.order = {{{"up", {}}, parse::OrderTerm::Direction::desc}};
    const Write shaped = write(request);
    CHECK(source(shaped).ends_with(
        R"(RETURNING "s"."t"."data", "s"."t"."name", "s"."t"."up", "s"."t"."id")"));
    CHECK(shaped.main.text.ends_with(
        R"(FROM (SELECT "t"."data"->$2 AS "k", "t"."name", "t"."name" FROM src AS "t" )"
        R"(ORDER BY "t"."up" DESC) _t)"));
    CHECK(shaped.main.params == Params{R"([{"name":"a"}])", "k"});
}

TEST_CASE("write: a computed column beside * is returned and not doubled", "[unit][sql]") {
    parse::Request request = with_body(Method::post, R"([{"a":1}])", {"a"});
    request.prefer.return_ = Return::representation;
    request.query.select = {star(), item("fn")};
    const Write built = write(request, pair_table());
    CHECK(source(built).ends_with(R"(RETURNING "s"."pair".*, "s"."pair"."fn")"));
    CHECK(built.main.text.ends_with(
        R"(FROM (SELECT "pair"."a", "pair"."b", "pair"."v", "pair"."fn" FROM src AS "pair") _t)"));
}

TEST_CASE("write: CSV names both the written and the shaped rows", "[unit][sql]") {
    parse::Request request = with_body(Method::post, R"([{"a":1}])", {"a"});
    request.prefer.return_ = Return::representation;
    const std::string text = write(request, pair_table(), Media::csv).main.text;
    CHECK(
        text.find(
            R"(RETURNING "s"."pair".*), shaped AS (SELECT "pair".* FROM src AS "pair") SELECT)") !=
        std::string::npos);
    CHECK(text.ends_with("FROM shaped _t"));
}

TEST_CASE("write: headers-only returns the key of a single inserted row", "[unit][sql]") {
    parse::Request request = with_body(Method::post, R"([{"a":1}])", {"a"});
    request.prefer.return_ = Return::headers_only;
    const Write built = write(request, pair_table());
    CHECK(source(built).ends_with(R"(RETURNING "s"."pair"."a", "s"."pair"."b")"));
    CHECK(
        between(built.main.text, "AS page, ", " AS location") ==
        R"(CASE WHEN count(*) = 1 THEN (SELECT json_build_array(src."a"::text, src."b"::text)::text )"
        "FROM src LIMIT 1) END");
    CHECK(between(built.main.text, "AS location, ", " AS body") == "''");

    schema::Relation keyless = pair_table();
    keyless.primary_key.clear();
    CHECK(source(write(request, keyless)).ends_with("RETURNING 1"));

    parse::Request patch = with_body(Method::patch, R"({"a":1})", {"a"});
    patch.prefer.return_ = Return::headers_only;
    CHECK(source(write(patch, pair_table())).ends_with("RETURNING 1"));
}

TEST_CASE("update: sets from the body where the filters say", "[unit][sql]") {
    parse::Request request = with_body(Method::patch, R"({"name":"x","data":1})", {"name", "data"});
    request.query.where = {filter("id", Op::eq, "1")};
    request.query.where[0].filter.field.path = {};
    request.query.order = {{{"id", {}}}};
    request.query.window = {1, 1};
    const Write built = write(request);
    CHECK(
        source(built) ==
        R"(UPDATE "s"."t" SET "name" = body."name", "data" = body."data" FROM )"
        R"(json_to_record($1::json) AS body("name" text, "data" jsonb) WHERE "s"."t"."id" = $2 RETURNING 1)");
    CHECK(built.main.params == Params{R"({"name":"x","data":1})", "1"});
    CHECK_FALSE(built.no_op);

    schema::Relation named_body = pair_table();
    named_body.name = "body";
    CHECK(source(write(with_body(Method::patch, R"({"v":1})", {"v"}), named_body)) ==
          R"(UPDATE "s"."body" SET "v" = body_."v" FROM json_to_record($1::json) AS )"
          R"(body_("v" text) RETURNING 1)");
}

TEST_CASE("update: an empty body changes nothing and has the columns of the representation",
          "[unit][sql]") {
    for (const char* body : {"{}", "[]", "[{}]"}) {
        parse::Request request = with_body(Method::patch, body, {});
        request.query.where = {filter("id", Op::eq, "1")};
        const Write built = write(request);
        CHECK(built.no_op);
        CHECK(source(built) == R"(SELECT 1 FROM "s"."t" WHERE false)");
        CHECK(built.main.params.empty());
        request.prefer.return_ = Return::representation;
        request.query.select = {item("name"), item("fn")};
        CHECK(source(write(request)) ==
              R"(SELECT "s"."t"."name", "s"."t"."fn", "s"."t"."id" FROM "s"."t" WHERE false)");
    }
}

TEST_CASE("delete: filters choose the rows, order only sorts what is returned", "[unit][sql]") {
    parse::Request request;
    request.method = Method::del;
    request.query.where = {filter("id", Op::lt, "3")};
    request.query.order = {{{"name", {}}}};
    CHECK(source(write(request)) == R"(DELETE FROM "s"."t" WHERE "s"."t"."id" < $1 RETURNING 1)");
    request.prefer.return_ = Return::representation;
    const Write built = write(request);
    CHECK(source(built) == R"(DELETE FROM "s"."t" WHERE "s"."t"."id" < $1 RETURNING "s"."t".*)");
    CHECK(
        built.main.text.ends_with(R"(FROM (SELECT "t".* FROM src AS "t" ORDER BY "t"."name") _t)"));
    CHECK(built.main.params == Params{"3"});
    request.query.where.clear();
    CHECK(source(write(request)) == R"(DELETE FROM "s"."t" RETURNING "s"."t".*)");
}

TEST_CASE("put: upserts the row whose key equals the filters", "[unit][sql]") {
    parse::Request request = with_body(Method::put, R"({"a":1,"b":2,"v":"x"})", {"a", "b", "v"});
    request.query.where = {filter("b", Op::eq, "2"), filter("a", Op::eq, "1")};
    request.prefer.missing = Preferences::Missing::as_default;
    request.query.columns = {"a"};
    const Write built = write(request, pair_table());
    CHECK(source(built) ==
          R"(INSERT INTO "s"."pair"("a", "b", "v") SELECT body."a", body."b", body."v" FROM )"
          R"(json_to_record($1::json) AS body("a" integer, "b" integer, "v" text) )"
          R"(WHERE CASE WHEN body."b" = $2 AND body."a" = $3 THEN )" +
              kUp + R"( ELSE false END ON CONFLICT ("a", "b") DO UPDATE SET "a" = EXCLUDED."a", )" +
              R"("b" = EXCLUDED."b", "v" = EXCLUDED."v" WHERE )" + kDown + " RETURNING 1");
    CHECK(built.main.params == Params{R"({"a":1,"b":2,"v":"x"})", "2", "1"});
    CHECK(built.upsert);
    CHECK(built.count_decides);
}

TEST_CASE("put: needs eq on every key column and nothing else", "[unit][sql]") {
    const auto error = [](const auto& change) {
        parse::Request request = with_body(Method::put, R"({"a":1,"b":2})", {"a", "b"});
        request.query.where = {filter("a", Op::eq, "1"), filter("b", Op::eq, "2")};
        schema::Relation relation = pair_table();
        change(request, relation);
        return error_of(request, relation);
    };
    using R = parse::Request&;
    using T = schema::Relation&;
    CHECK(error([](R r, T) { r.query.window_given = true; }) == Errc::put_window);
    CHECK(error([](R r, T) { r.query.has_logic = true; }) == Errc::put_filters);
    CHECK(error([](R r, T) { r.query.where.pop_back(); }) == Errc::put_filters);
    CHECK(error([](R r, T) { r.query.where.clear(); }) == Errc::put_filters);
    CHECK(error([](R r, T) { r.query.where[0].filter.op = Op::gt; }) == Errc::put_filters);
    CHECK(error([](R r, T) { r.query.where[0].filter.negated = true; }) == Errc::put_filters);
    CHECK(error([](R r, T) { r.query.where[0].filter.field.path = {key("k")}; }) ==
          Errc::put_filters);
    CHECK(error([](R r, T) { r.query.where[0].filter.field.column = "v"; }) == Errc::put_filters);
    CHECK(error([](R r, T) { r.query.where.push_back(filter("a", Op::eq, "1")); }) ==
          Errc::put_filters);
    CHECK(error([](R, T t) { t.primary_key.clear(); }) == Errc::put_filters);
    CHECK(error([](R r, T) { r.payload->keys = {"a", "v"}; }) == Errc::put_key_mismatch);
    CHECK(error([](R r, T) { r.payload->keys = {"a", "b", "z"}; }) == Errc::no_column);
    CHECK(error([](R r, T) { r.payload.reset(); }) == Errc::bad_body);
}

TEST_CASE("write: a name that is no column is refused before the database is asked",
          "[unit][sql]") {
    const Result<Write> by_key =
        build_write(with_body(Method::post, R"({"nope":1})", {"nope"}), table(), Media::json);
    REQUIRE_FALSE(by_key);
    CHECK(by_key.error().code == Errc::no_column);
    CHECK(by_key.error().message == "Could not find the 'nope' column of 't' in the schema cache");

    parse::Request request = with_body(Method::patch, R"({"id":1})", {});
    request.payload->keys_known = false;
    request.query.columns = {"nope"};
    CHECK(error_of(request) == Errc::no_column);
    CHECK(error_of([] {
              parse::Request post;
              post.method = Method::post;
              return post;
          }()) == Errc::bad_body);
    CHECK(error_of(get()) == Errc::not_implemented);
}

TEST_CASE("write: the rows of a precondition are locked by the filters of the write",
          "[unit][sql]") {
    parse::Request request;
    request.method = parse::Method::patch;
    request.query.where = {filter("id", parse::Op::eq, "7")};
    const Statement lock = build_lock(request, table());
    CHECK(lock.text == R"(SELECT 1 FROM "s"."t" WHERE "s"."t"."id" = $1 FOR UPDATE)");
    CHECK(lock.params == Params{"7"});
}

TEST_CASE("write: the row count decides for one object, strict max-affected and PUT",
          "[unit][sql]") {
    const auto decides = [](Method method, Media media, bool strict, bool limited) {
        parse::Request request = with_body(method, R"({"name":"x"})", {"name"});
        if (strict) request.prefer.handling = Preferences::Handling::strict;
        if (limited) request.prefer.max_affected = 1;
        return write(request, table(), media).count_decides;
    };
    CHECK_FALSE(decides(Method::post, Media::json, false, false));
    CHECK_FALSE(decides(Method::patch, Media::csv, true, false));
    CHECK_FALSE(decides(Method::patch, Media::json, false, true));
    CHECK_FALSE(decides(Method::post, Media::json, true, true));
    CHECK(decides(Method::patch, Media::json, true, true));
    CHECK(decides(Method::del, Media::json, true, true));
    CHECK(decides(Method::post, Media::object, false, false));
    CHECK(decides(Method::del, Media::object_stripped, false, false));
}
