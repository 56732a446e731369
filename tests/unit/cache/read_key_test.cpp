#include "cache/read_key.hpp"

#include <catch2/catch.hpp>

using namespace lintas;
using namespace lintas::cache;

namespace {

schema::Relation items() {
    schema::Relation relation;
    relation.schema = "public";
    relation.name = "items";
    relation.oid = 100;
    relation.reads = {100};
    relation.reads_claims = false;
    relation.cacheability = schema::Cacheability::yes;
    const auto add = [&](std::string name, std::string type, schema::KeyType key, bool clock) {
        schema::Column column;
        column.name = std::move(name);
        column.type = std::move(type);
        column.key_type = key;
        column.input_reads_clock = clock;
        relation.columns.push_back(std::move(column));
    };
    add("id", "integer", schema::KeyType::integer, false);
    add("code", "text", schema::KeyType::text, false);
    add("guid", "uuid", schema::KeyType::uuid, false);
    add("made", "timestamp with time zone", schema::KeyType::other, true);
    relation.row_key = {0};
    return relation;
}

parse::Tree equals(std::string column, std::string value) {
    parse::Tree tree;
    tree.filter.field.column = std::move(column);
    tree.filter.value = std::move(value);
    return tree;
}

std::optional<std::vector<std::string>> asked(const schema::Relation& relation,
                                              std::vector<parse::Tree> where) {
    return row_key_asked_for(where, relation);
}

const std::vector<std::string> kClaims{"sub"};

std::string key(const parse::Request& request, const schema::Relation& relation,
                std::string_view role = "web", std::string_view claims = "{}") {
    return key_of({.request = request,
                   .relation = relation,
                   .role = role,
                   .claims_json = claims,
                   .cache_claims = kClaims});
}

}  // namespace

TEST_CASE("read key: spellings of one integer, one uuid are one row", "[unit][cache]") {
    using Values = std::vector<std::string>;
    schema::Relation relation = items();
    for (const char* text : {"7", "007", " 7 ", "+7"}) {
        CHECK(asked(relation, {equals("id", text)}) == Values{"7"});
    }
    for (const char* text : {"", "7.0", "x", "+-7", "7x"}) {
        CHECK_FALSE(asked(relation, {equals("id", text)}));
    }
    CHECK(asked(relation, {equals("id", "-0")}) == Values{"0"});
    relation.row_key = {2};
    const std::string uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    for (const char* text :
         {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
          "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "a0eebc999c0b4ef8bb6d6bb9bd380a11"}) {
        CHECK(asked(relation, {equals("guid", text)}) == Values{uuid});
    }
    CHECK_FALSE(asked(relation, {equals("guid", "a0eebc99")}));
}

TEST_CASE("read key: only the whole key, by plain equality, is one row", "[unit][cache]") {
    schema::Relation relation = items();
    relation.row_key = {0, 1};
    CHECK_FALSE(asked(relation, {equals("id", "1")}));
    CHECK(asked(relation, {equals("code", "a"), equals("id", "1")}) ==
          std::vector<std::string>{"1", "a"});
    parse::Tree negated = equals("code", "a");
    negated.filter.negated = true;
    CHECK_FALSE(asked(relation, {equals("id", "1"), negated}));
    parse::Tree greater = equals("code", "a");
    greater.filter.op = parse::Op::gt;
    CHECK_FALSE(asked(relation, {equals("id", "1"), greater}));
    parse::Tree any = equals("code", "a");
    any.filter.quantifier = parse::Quantifier::any;
    CHECK_FALSE(asked(relation, {equals("id", "1"), any}));
    relation.row_key.clear();
    CHECK_FALSE(asked(relation, {equals("id", "1")}));
}

TEST_CASE("read key: an answer depends on its row, or on all it reads", "[unit][cache]") {
    schema::Relation relation = items();
    relation.reads = {90, 100};  // a policy reads 90
    position::Stamps stamps;
    stamps.follow({{100, 10}}, position::Lsn{});
    parse::Request request;
    request.query.where = {equals("id", "1")};
    const auto row = dependencies_of(request, relation, stamps);
    REQUIRE(row.size() == 2);
    CHECK_FALSE(row[0].table);
    CHECK_FALSE(row[0].row);
    CHECK(row[1].table);
    CHECK(row[1].row);
    request.query.where.clear();
    CHECK_FALSE(dependencies_of(request, relation, stamps)[1].row);
    relation.reads.clear();
    CHECK(dependencies_of(request, relation, stamps).size() == 1);
}

TEST_CASE("read key: whatever changes the answer changes the key", "[unit][cache]") {
    const schema::Relation relation = items();
    parse::Request request;
    request.schema = "public";
    request.relation = "items";
    request.query.canonical = "id=eq.1";
    const std::string plain = key(request, relation);
    CHECK(key(request, relation) == plain);
    CHECK(key(request, relation, "other") != plain);
    // Claims count only where policies read them.
    CHECK(key(request, relation, "web", R"({"sub":"a"})") == plain);

    parse::Request head = request;
    head.method = parse::Method::head;
    CHECK(key(head, relation) == plain);

    const auto differs = [&](auto change) {
        parse::Request other = request;
        change(other);
        CHECK(key(other, relation) != plain);
    };
    differs([](parse::Request& r) { r.query.canonical = "id=eq.2"; });
    differs([](parse::Request& r) { r.schema = "other"; });
    differs([](parse::Request& r) { r.relation = "other"; });
    differs([](parse::Request& r) { r.window.offset = 1; });
    differs([](parse::Request& r) { r.window.limit = 0; });
    differs([](parse::Request& r) { r.prefer.count = parse::Preferences::Count::exact; });
    differs([](parse::Request& r) { r.prefer.timezone = "UTC"; });
    differs([](parse::Request& r) { r.profile_given = true; });
}

TEST_CASE("read key: under row security the claims are part of the key", "[unit][cache]") {
    schema::Relation relation = items();
    relation.reads_claims = true;
    const parse::Request request;
    const std::string a = key(request, relation, "web", R"({"sub":"a"})");
    CHECK(key(request, relation, "web", R"({"sub":"a","jti":"1"})") == a);
    CHECK(key(request, relation, "web", R"({"sub":"b"})") != a);
    CHECK(key(request, relation, "web", "{}") != key(request, relation, "web", R"({"sub":null})"));
}

TEST_CASE("read key: filters that read the clock are not cached", "[unit][cache]") {
    const schema::Relation relation = items();
    parse::Request request;
    request.query.where = {equals("code", "now")};
    CHECK(why_not_cacheable(request, relation).empty());
    request.query.where = {equals("made", "2026-01-01")};
    CHECK(why_not_cacheable(request, relation).empty());
    for (const char* word : {"now", "Today", "yesterday 12:00", "TOMORROW"}) {
        request.query.where = {equals("made", word)};
        CHECK_FALSE(why_not_cacheable(request, relation).empty());
        parse::Tree both;
        both.kind = parse::Tree::Kind::any_of;
        both.children = {equals("id", "1"), equals("made", word)};
        request.query.where = {both};
        CHECK_FALSE(why_not_cacheable(request, relation).empty());
    }
    request.query.where = {equals("nobody_knows", "now")};
    CHECK_FALSE(why_not_cacheable(request, relation).empty());
    request.query.where.clear();
    request.query.select = {{.field = {.column = "code"}, .cast = "date"}};
    CHECK_FALSE(why_not_cacheable(request, relation).empty());
}

TEST_CASE(
    "read key: while nobody says which claims policies read, all that are of the subject count",
    "[unit][cache]") {
    schema::Relation relation = items();
    relation.reads_claims = true;
    const parse::Request request;
    const std::string a =
        key(request, relation, "web", R"({"sub":"a","org":1,"iss":"x","exp":10})");
    CHECK(key(request, relation, "web", R"({"sub":"a","org":1,"iss":"x","exp":11})") == a);
    CHECK(key(request, relation, "web", R"({"sub":"a","org":2,"iss":"x","exp":10})") != a);
    CHECK(key(request, relation, "web", R"({"sub":"a","org":1,"iss":"y","exp":10})") != a);
    // Said once, it is taken at its word.
    const std::vector<std::string> org{"org"};
    const auto by_org = [&](std::string_view claims) {
        return key_of({.request = request,
                       .relation = relation,
                       .role = "web",
                       .claims_json = claims,
                       .cache_claims = org});
    };
    CHECK(by_org(R"({"sub":"a","org":1})") == by_org(R"({"sub":"b","org":1})"));
    CHECK(by_org(R"({"sub":"a","org":1})") != by_org(R"({"sub":"a","org":2})"));
}

TEST_CASE("read key: estimates change without a row and are not kept", "[unit][cache]") {
    using Count = parse::Preferences::Count;
    const schema::Relation relation = items();
    parse::Request request;
    request.prefer.count = Count::exact;
    CHECK(why_not_cacheable(request, relation).empty());
    for (const Count count : {Count::planned, Count::estimated}) {
        request.prefer.count = count;
        CHECK_FALSE(why_not_cacheable(request, relation).empty());
    }
}
