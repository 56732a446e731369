#include <catch2/catch.hpp>

#include "requests.hpp"
#include "sql/clause.hpp"

using namespace lintas;
using namespace lintas::sql;
using namespace lintas::sql::test;
using parse::Op;
using parse::Quantifier;
using parse::Tree;

namespace {

struct Clause {
    std::string sql;
    Params params;
};

Clause where(std::vector<Tree> trees) {
    const schema::Relation relation = table();
    Parameters params;
    std::string sql;
    append_where(sql, params, scope_of_relation(relation), trees);
    return {sql, std::move(params).take()};
}

Tree all_of(std::vector<Tree> children) {
    Tree tree;
    tree.kind = Tree::Kind::all_of;
    tree.children = std::move(children);
    return tree;
}

Tree any_of(std::vector<Tree> children) {
    Tree tree = all_of(std::move(children));
    tree.kind = Tree::Kind::any_of;
    return tree;
}

}  // namespace

TEST_CASE("filter: every operator has its SQL and one parameter", "[unit][sql]") {
    struct Row {
        Op op;
        std::string sql;
        std::string value;
    };
    const auto row = GENERATE(values<Row>({
        {Op::eq, R"("s"."t"."id" = $1)", "1"},
        {Op::neq, R"("s"."t"."id" <> $1)", "1"},
        {Op::gt, R"("s"."t"."id" > $1)", "1"},
        {Op::gte, R"("s"."t"."id" >= $1)", "1"},
        {Op::lt, R"("s"."t"."id" < $1)", "1"},
        {Op::lte, R"("s"."t"."id" <= $1)", "1"},
        {Op::match, R"("s"."t"."id" ~ $1)", "^a*"},
        {Op::imatch, R"("s"."t"."id" ~* $1)", "^a*"},
        {Op::isdistinct, R"("s"."t"."id" IS DISTINCT FROM $1)", "1"},
        {Op::cs, R"("s"."t"."id" @> $1)", "{1}"},
        {Op::cd, R"("s"."t"."id" <@ $1)", "{1}"},
        {Op::ov, R"("s"."t"."id" && $1)", "{1}"},
        {Op::sl, R"("s"."t"."id" << $1)", "[1,2)"},
        {Op::sr, R"("s"."t"."id" >> $1)", "[1,2)"},
        {Op::nxr, R"("s"."t"."id" &< $1)", "[1,2)"},
        {Op::nxl, R"("s"."t"."id" &> $1)", "[1,2)"},
        {Op::adj, R"("s"."t"."id" -|- $1)", "[1,2)"},
    }));
    const Clause plain = where({filter("id", row.op, row.value)});
    CHECK(plain.sql == " WHERE " + row.sql);
    CHECK(plain.params == Params{row.value});

    Tree negated = filter("id", row.op, row.value);
    negated.filter.negated = true;
    CHECK(where({negated}).sql == " WHERE NOT " + row.sql);
}

TEST_CASE("filter: any and all take a PostgreSQL array as it came", "[unit][sql]") {
    struct Row {
        Op op;
        std::string sql;
        std::string value;
        std::string bound;
    };
    const auto row = GENERATE(values<Row>({
        {Op::eq, " = ", "{1,2}", "{1,2}"},
        {Op::neq, " <> ", "{1,2}", "{1,2}"},
        {Op::gt, " > ", "{1,2}", "{1,2}"},
        {Op::gte, " >= ", "{1,2}", "{1,2}"},
        {Op::lt, " < ", "{1,2}", "{1,2}"},
        {Op::lte, " <= ", "{1,2}", "{1,2}"},
        {Op::like, " LIKE ", "{a*,*b}", "{a%,%b}"},
        {Op::ilike, " ILIKE ", "{a*,*b}", "{a%,%b}"},
        {Op::match, " ~ ", "{a*}", "{a*}"},
        {Op::imatch, " ~* ", "{a*}", "{a*}"},
    }));
    Tree tree = filter("name", row.op, row.value);
    tree.filter.quantifier = Quantifier::any;
    CHECK(where({tree}).sql == R"( WHERE "s"."t"."name")" + row.sql + "ANY($1)");
    CHECK(where({tree}).params == Params{row.bound});
    tree.filter.quantifier = Quantifier::all;
    tree.filter.negated = true;
    CHECK(where({tree}).sql == R"( WHERE NOT "s"."t"."name")" + row.sql + "ALL($1)");
}

TEST_CASE("filter: like and ilike turn every * into %", "[unit][sql]") {
    CHECK(where({filter("name", Op::like, "*a*%_")}).sql == R"( WHERE "s"."t"."name" LIKE $1)");
    CHECK(where({filter("name", Op::like, "*a*%_")}).params == Params{"%a%%_"});
    CHECK(where({filter("name", Op::ilike, "*")}).sql == R"( WHERE "s"."t"."name" ILIKE $1)");
    CHECK(where({filter("name", Op::ilike, "*")}).params == Params{"%"});
}

TEST_CASE("filter: in is one parameter, whatever the list holds", "[unit][sql]") {
    Tree tree = filter("name", Op::in, "");
    CHECK(where({tree}).sql == R"( WHERE "s"."t"."name" = ANY($1))");
    CHECK(where({tree}).params == Params{"{}"});
    tree.filter.list = {"a", R"(x"\,})", ""};
    tree.filter.negated = true;
    CHECK(where({tree}).sql == R"( WHERE NOT "s"."t"."name" = ANY($1))");
    CHECK(where({tree}).params == Params{R"({"a","x\"\\,}",""})"});
}

TEST_CASE("filter: is takes its word from a closed list", "[unit][sql]") {
    struct Row {
        parse::IsWord word;
        std::string sql;
    };
    const auto row = GENERATE(values<Row>({
        {parse::IsWord::null, "NULL"},
        {parse::IsWord::not_null, "NOT NULL"},
        {parse::IsWord::is_true, "TRUE"},
        {parse::IsWord::is_false, "FALSE"},
        {parse::IsWord::unknown, "UNKNOWN"},
    }));
    Tree tree = filter("id", Op::is, "1; drop table t");
    tree.filter.is = row.word;
    CHECK(where({tree}).sql == R"( WHERE "s"."t"."id" IS )" + row.sql);
    CHECK(where({tree}).params.empty());
    tree.filter.negated = true;
    CHECK(where({tree}).sql == R"( WHERE NOT "s"."t"."id" IS )" + row.sql);
}

TEST_CASE("filter: full text wraps what is no tsvector, with the same config on both sides",
          "[unit][sql]") {
    struct Row {
        Op op;
        std::string function;
    };
    const auto row = GENERATE(values<Row>({
        {Op::fts, "to_tsquery"},
        {Op::plfts, "plainto_tsquery"},
        {Op::phfts, "phraseto_tsquery"},
        {Op::wfts, "websearch_to_tsquery"},
    }));
    CHECK(where({filter("tv", row.op, "cat")}).sql ==
          R"( WHERE "s"."t"."tv" @@ )" + row.function + "($1)");
    CHECK(where({filter("name", row.op, "cat")}).sql ==
          R"( WHERE to_tsvector("s"."t"."name") @@ )" + row.function + "($1)");

    Tree configured = filter("tv", row.op, "cat");
    configured.filter.fts_config = "english";
    CHECK(where({configured}).sql == R"( WHERE "s"."t"."tv" @@ )" + row.function + "($1, $2)");
    CHECK(where({configured}).params == Params{"english", "cat"});

    configured.filter.field = {"data", {key_text("k")}};
    configured.filter.negated = true;
    CHECK(where({configured}).sql ==
          R"( WHERE NOT to_tsvector($1, "s"."t"."data"->>$2) @@ )" + row.function + "($1, $3)");
    CHECK(where({configured}).params == Params{"english", "k", "cat"});
}

TEST_CASE("filter: a tsvector behind a JSON path is no tsvector any more", "[unit][sql]") {
    Tree tree = filter("tv", Op::fts, "cat");
    tree.filter.field.path = {key("k")};
    CHECK(where({tree}).sql ==
          R"( WHERE to_tsvector(to_jsonb("s"."t"."tv")->$1) @@ to_tsquery($2))");
}

TEST_CASE("filter: a JSON path uses the operator on json and goes through to_jsonb otherwise",
          "[unit][sql]") {
    Tree tree = filter("data", Op::eq, "x");
    tree.filter.field.path = {key("a"), index(-1), key_text("b'\"")};
    CHECK(where({tree}).sql == R"( WHERE "s"."t"."data"->$1->$2::int->>$3 = $4)");
    CHECK(where({tree}).params == Params{"a", "-1", "b'\"", "x"});
    tree.filter.field.column = "tags";
    CHECK(where({tree}).sql == R"( WHERE to_jsonb("s"."t"."tags")->$1->$2::int->>$3 = $4)");
    tree.filter.field.column = "not_in_the_catalogue";
    CHECK(where({tree}).sql ==
          R"( WHERE to_jsonb("s"."t"."not_in_the_catalogue")->$1->$2::int->>$3 = $4)");
}

TEST_CASE("filter: trees nest in parentheses and keep their order", "[unit][sql]") {
    Tree inner = all_of({filter("id", Op::gt, "2"), filter("id", Op::lt, "5")});
    Tree outer = any_of({inner, filter("name", Op::eq, "x")});
    outer.negated = true;
    const Clause clause =
        where({filter("id", Op::neq, "3"), outer, all_of({filter("id", Op::eq, "4")})});
    CHECK(clause.sql ==
          R"( WHERE "s"."t"."id" <> $1 AND NOT (("s"."t"."id" > $2 AND "s"."t"."id" < $3) OR )"
          R"("s"."t"."name" = $4) AND ("s"."t"."id" = $5))");
    CHECK(clause.params == Params{"3", "2", "5", "x", "4"});
    CHECK(where({}).sql.empty());
}

TEST_CASE("filter: names and values cannot become SQL", "[unit][sql]") {
    const std::string evil = R"(x" = 1; DROP TABLE t; --)";
    const Clause clause = where({filter(evil, Op::eq, "'; DROP TABLE t; --")});
    CHECK(clause.sql == R"( WHERE "s"."t"."x"" = 1; DROP TABLE t; --" = $1)");
    CHECK(clause.params == Params{"'; DROP TABLE t; --"});
}
