#include "support.hpp"

namespace lintas::parse {

TEST_CASE("logic: trees parse into their branches", "[unit][parse]") {
    struct Row {
        std::string text;
        std::string trees;
    };
    const auto row = GENERATE(values<Row>({
        {"or=(a.eq.1,b.eq.2)", "or(<a> eq [1], <b> eq [2])"},
        {"and=(a.eq.1)", "and(<a> eq [1])"},
        {"not.or=(a.eq.1)", "not or(<a> eq [1])"},
        {"not.and=(a.eq.1)", "not and(<a> eq [1])"},
        {"or=( a.eq.1 , and ( b.is.null , c.not.eq.3 ) )",
         "or(<a> eq [1 ], and(<b> is null, <c> not eq [3 ]))"},
        {"or=(not.and(a.eq.1,b.eq.2),not.or(c.eq.3))",
         "or(not and(<a> eq [1], <b> eq [2]), not or(<c> eq [3]))"},
        {"or=(id.in.( 1, 2),id.not.in.(3))", "or(<id> in ([1][ 2]), <id> not in ([3]))"},
        {"or=(a.eq.%22x,y)%22,b.eq.2)", "or(<a> eq [x,y)], <b> eq [2])"},
        {"or=(a.eq.%22x%22y,b.eq.2)", "or(<a> eq [\"x\"y], <b> eq [2])"},
        {"or=(a.cs.{1,2},b.eq.2)", "or(<a> cs [{1,2}], <b> eq [2])"},
        {"or=(a.eq(any).{1,2})", "or(<a> eq(any) [{1,2}])"},
        {"or=(a.eq.{x,b.eq.2)", "or(<a> eq [{x], <b> eq [2])"},
        {"or=(a.eq.,b.eq.2)", "or(<a> eq [], <b> eq [2])"},
        {"or=(a.fts(english).x,b.plfts.y)", "or(<a> fts(english) [x], <b> plfts [y])"},
        {"or=(data->a->>0.eq.1,%22x.y%22.eq.2)", "or(<data>-><a>->>#0 eq [1], <x.y> eq [2])"},
        {"or=(and.eq.1,or.eq.2,not.eq.3)", "or(<and> eq [1], <or> eq [2], <not> eq [3])"},
        {"or=(not.not.eq.3)", "or(<not> not eq [3])"},
        {"or=(a.isdistinct.1)", "or(<a> isdistinct [1])"},
        {"and=(a.eq.1,b.neq.2))", "and(<a> eq [1], <b> neq [2])"},
        {"a=eq.1&or=(b.eq.2)&c=eq.3", "<a> eq [1] | or(<b> eq [2]) | <c> eq [3]"},
        {"or=(a.eq.x.y)", "or(<a> eq [x.y])"},
    }));
    const Query query = query_of(row.text);
    CHECK(shown(query.where) == row.trees);
    CHECK(query.has_logic);
}

TEST_CASE("logic: a mistake is named with its column, counted with the operator in front",
          "[unit][parse]") {
    struct Row {
        std::string text;
        std::string message;
        std::string details;
    };
    const auto row = GENERATE(values<Row>({
        {"or=()", "\"failed to parse logic tree (())\" (line 1, column 4)",
         "unexpected \")\" expecting field name (* or [a..z0..9_$]), negation operator (not) or "
         "logic operator (and, or)"},
        {"or=(id.in.1,2,id.eq.3)",
         "\"failed to parse logic tree ((id.in.1,2,id.eq.3))\" (line 1, column 10)",
         "unexpected \"1\" expecting \"(\""},
        {"or=)(", "\"failed to parse logic tree ()()\" (line 1, column 3)",
         "unexpected \")\" expecting \"(\""},
        {"and=(ord(id.eq.1,id.eq.1),id.eq.2)",
         "\"failed to parse logic tree ((ord(id.eq.1,id.eq.1),id.eq.2))\" (line 1, column 7)",
         "unexpected \"d\" expecting \"(\""},
        {"or=(id.eq.1,not.xor(id.eq.2,id.eq.3))",
         "\"failed to parse logic tree ((id.eq.1,not.xor(id.eq.2,id.eq.3)))\" (line 1, column 16)",
         "unexpected \"x\" expecting logic operator (and, or)"},
        {"not.or=(x)", "\"failed to parse logic tree ((x))\" (line 1, column 9)", ""},
        {"or=(a.eq.1", "\"failed to parse logic tree ((a.eq.1)\" (line 1, column 10)",
         "unexpected end of input expecting \",\" or \")\""},
        {"or=(a.eq.1,)", "\"failed to parse logic tree ((a.eq.1,))\" (line 1, column 11)", ""},
        {"or=(a.eq.1)x", "\"failed to parse logic tree ((a.eq.1)x)\" (line 1, column 11)",
         "unexpected \"x\" expecting end of input"},
        {"or=(a.is.nullx)", "\"failed to parse logic tree ((a.is.nullx))\" (line 1, column 13)",
         ""},
        {"or=", "\"failed to parse logic tree ()\" (line 1, column 3)",
         "unexpected end of input expecting \"(\""},
        {"!.or=(a.eq.1)", "\"failed to parse logic path (!.or)\" (line 1, column 1)", ""},
    }));
    const Error error = query_error(row.text);
    CHECK(error.code == Errc::query_syntax);
    CHECK(error.message == row.message);
    if (!row.details.empty()) CHECK(error.details == row.details);
}

TEST_CASE("logic: trees nest no deeper than the limit", "[unit][parse]") {
    const auto nested = [](std::size_t depth) {
        std::string text = "or=(";
        for (std::size_t i = 1; i < depth; ++i) text += "and(";
        text += "a.eq.1";
        for (std::size_t i = 0; i < depth; ++i) text += ")";
        return text;
    };
    CHECK(query_of(nested(8)).where.size() == 1);
    const Error error = query_error(nested(9));
    CHECK(error.code == Errc::too_complex);
    CHECK(error.details == "limits.nesting: more than 8 levels");
}

TEST_CASE("logic: no configured nesting reaches the end of the stack", "[unit][parse]") {
    std::string text = "/items?or=(";
    for (std::size_t i = 0; i < 200000; ++i) text += "or(";
    const TestRequest request{.target = text};
    const Result<Request> result = parse_request(
        request.raw(), {.schemas = {"public"}, .nesting = 10000000, .filters = 10000000});
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == Errc::too_complex);
}

TEST_CASE("logic: the and/or nodes count as filters too", "[unit][parse]") {
    std::string text = "or=(a.eq.1";
    for (int i = 1; i < 15; ++i) text += ",a.eq.1";
    CHECK(query_of(text + ")").where.size() == 1);
    CHECK(query_error(text + ",a.eq.1)").code == Errc::too_complex);
}

}  // namespace lintas::parse
