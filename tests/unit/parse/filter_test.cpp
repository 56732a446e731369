#include "support.hpp"

namespace lintas::parse {

TEST_CASE("filter: every operator parses with its value", "[unit][parse]") {
    struct Row {
        std::string text;
        std::string filters;
    };
    const auto row = GENERATE(values<Row>({
        {"a=eq.1", "<a> eq [1]"},
        {"a=neq.1", "<a> neq [1]"},
        {"a=gt.1", "<a> gt [1]"},
        {"a=gte.1", "<a> gte [1]"},
        {"a=lt.1", "<a> lt [1]"},
        {"a=lte.1", "<a> lte [1]"},
        {"a=like.*x*", "<a> like [*x*]"},
        {"a=ilike.x", "<a> ilike [x]"},
        {"a=match.^x", "<a> match [^x]"},
        {"a=imatch.x$", "<a> imatch [x$]"},
        {"a=isdistinct.1", "<a> isdistinct [1]"},
        {"a=cs.{1}", "<a> cs [{1}]"},
        {"a=cd.{1}", "<a> cd [{1}]"},
        {"a=ov.[1,2]", "<a> ov [[1,2]]"},
        {"a=sl.(1,2)", "<a> sl [(1,2)]"},
        {"a=sr.(1,2)", "<a> sr [(1,2)]"},
        {"a=nxr.(1,2)", "<a> nxr [(1,2)]"},
        {"a=nxl.(1,2)", "<a> nxl [(1,2)]"},
        {"a=adj.(1,2)", "<a> adj [(1,2)]"},
        {"a=fts.x", "<a> fts [x]"},
        {"a=plfts.x", "<a> plfts [x]"},
        {"a=phfts(english).x", "<a> phfts(english) [x]"},
        {"a=not.wfts(pg_catalog).x+y", "<a> not wfts(pg_catalog) [x y]"},
        {"a=eq(any).{1,2}", "<a> eq(any) [{1,2}]"},
        {"a=not.ilike(all).{x*}", "<a> not ilike(all) [{x*}]"},
        {"a=not.eq.1", "<a> not eq [1]"},
        {"a=eq.", "<a> eq []"},
        {"a=eq.null", "<a> eq [null]"},
        {"a=eq.%22x%22", "<a> eq [\"x\"]"},
        {"a=eq.x.y,z)", "<a> eq [x.y,z)]"},
        {"a=eq.not.eq", "<a> eq [not.eq]"},
        {"a=is.null", "<a> is null"},
        {"a=is.NULL", "<a> is null"},
        {"a=not.is.not_null", "<a> not is not_null"},
        {"a=is.True", "<a> is true"},
        {"a=is.false", "<a> is false"},
        {"a=is.unknown", "<a> is unknown"},
        {"a=in.(1,2)", "<a> in ([1][2])"},
        {"a=in.( 1, 2 )", "<a> in ([1][ 2 ])"},
        {"a=in.()", "<a> in ()"},
        {"a=in.(%22%22)", "<a> in ()"},
        {"a=not.in.()", "<a> not in ()"},
        {"a=in.( ,3)", "<a> in ([][3])"},
        {"a=in.(,)", "<a> in ([][])"},
        {"a=in.(%22x,y%22,z)", "<a> in ([x,y][z])"},
        {"a=in.(%22x%22y)", "<a> in ([\"x\"y])"},
        {"a=in.(%22x%5C%22y%22)", "<a> in ([x\"y])"},
        {"a=in.(x%5Cy)", "<a> in ([x\\y])"},
        {"a=in.(%22x)", "<a> in ([\"x])"},
        {"a+b=eq.1", "<a b> eq [1]"},
        {"%22a.b%22=eq.1", "<a.b> eq [1]"},
        {"data->a->>0=eq.1", "<data>-><a>->>#0 eq [1]"},
        {"a=gt.1&a=lt.5&b=eq.2", "<a> gt [1] | <a> lt [5] | <b> eq [2]"},
        {"a=eq.%E2%82%AC", "<a> eq [\xE2\x82\xAC]"},
        {"a&b=eq.1&c", "<b> eq [1]"},
        {"a=eq.x%3Dy=z", "<a> eq [x=y=z]"},
        {"&&a=eq.1&&", "<a> eq [1]"},
    }));
    CHECK(shown(query_of(row.text).where) == row.filters);
}

TEST_CASE("filter: a mistake is named with its column", "[unit][parse]") {
    struct Row {
        std::string text;
        std::string message;
        std::string details;
    };
    const auto row = GENERATE(values<Row>({
        {"id=0", "\"failed to parse filter (0)\" (line 1, column 1)",
         "unexpected \"0\" expecting \"not\" or operator (eq, gt, ...)"},
        {"id=", "\"failed to parse filter ()\" (line 1, column 1)",
         "unexpected end of input expecting \"not\" or operator (eq, gt, ...)"},
        {"id=noop.1", "\"failed to parse filter (noop.1)\" (line 1, column 1)",
         "unexpected \"n\" expecting \"not\" or operator (eq, gt, ...)"},
        {"id=not.x", "\"failed to parse filter (not.x)\" (line 1, column 5)",
         "unexpected \"x\" expecting operator (eq, gt, ...)"},
        {"id=not", "\"failed to parse filter (not)\" (line 1, column 4)",
         "unexpected end of input expecting delimiter (.)"},
        {"id=eq", "\"failed to parse filter (eq)\" (line 1, column 3)",
         "unexpected end of input expecting \"(\" or delimiter (.)"},
        {"id=neq(any).1", "\"failed to parse filter (neq(any).1)\" (line 1, column 4)",
         "unexpected \"(\" expecting delimiter (.)"},
        {"id=eq(some).1", "\"failed to parse filter (eq(some).1)\" (line 1, column 4)",
         "unexpected \"s\" expecting \"any\" or \"all\""},
        {"id=eq(any)1", "\"failed to parse filter (eq(any)1)\" (line 1, column 8)",
         "unexpected \"1\" expecting delimiter (.)"},
        {"id=is.nil", "\"failed to parse filter (is.nil)\" (line 1, column 5)",
         "unexpected \"i\" expecting isVal: (null, not_null, true, false, unknown)"},
        {"id=is.not.null", "\"failed to parse filter (is.not.null)\" (line 1, column 7)",
         "unexpected \".\" expecting isVal: (null, not_null, true, false, unknown)"},
        {"id=is.nul", "\"failed to parse filter (is.nul)\" (line 1, column 7)",
         "unexpected end of input expecting isVal: (null, not_null, true, false, unknown)"},
        {"id=is.nullx", "\"failed to parse filter (is.nullx)\" (line 1, column 8)",
         "unexpected \"x\" expecting end of input"},
        {"id=is().null", "\"failed to parse filter (is().null)\" (line 1, column 3)",
         "unexpected \"(\" expecting delimiter (.)"},
        {"id=in.1", "\"failed to parse filter (in.1)\" (line 1, column 4)",
         "unexpected \"1\" expecting \"(\""},
        {"id=in.(1", "\"failed to parse filter (in.(1)\" (line 1, column 6)",
         "unexpected end of input expecting \",\" or \")\""},
        {"id=in.(1)x", "\"failed to parse filter (in.(1)x)\" (line 1, column 7)",
         "unexpected \"x\" expecting end of input"},
        {"id=fts().x", "\"failed to parse filter (fts().x)\" (line 1, column 5)",
         "unexpected \")\" expecting letter or digit"},
        {"id=plfts(a.b).x", "\"failed to parse filter (plfts(a.b).x)\" (line 1, column 8)",
         "unexpected \".\" expecting letter, digit or \")\""},
        {"=eq.1", "\"failed to parse tree path ()\" (line 1, column 1)",
         "unexpected end of input expecting field name (* or [a..z0..9_$])"},
        {"a!b=eq.1", "\"failed to parse tree path (a!b)\" (line 1, column 2)", ""},
        {"a.=eq.1", "\"failed to parse tree path (a.)\" (line 1, column 3)", ""},
        {"a->=eq.1", "\"failed to parse tree path (a->)\" (line 1, column 4)", ""},
    }));
    const Error error = query_error(row.text);
    CHECK(error.code == Errc::query_syntax);
    CHECK(error.message == row.message);
    if (!row.details.empty()) CHECK(error.details == row.details);
}

TEST_CASE("filter: a parameter of an embed that was not selected is refused", "[unit][parse]") {
    const auto text = GENERATE(as<std::string>{}, "clients.name=eq.x", "clients.projects.id=in.(1)",
                               "clients.order=id", "clients.limit=1", "clients.offset=1",
                               "clients.or=(a.eq.1)", "clients.not.and=(a.eq.1)");
    const Error error = query_error(text);
    CHECK(error.code == Errc::embed_not_selected);
    CHECK(error.message == "'clients' is not an embedded resource in this request");
    CHECK(error.hint == "Verify that 'clients' is included in the 'select' query parameter.");
}

TEST_CASE("filter: an embed that was selected is not implemented, whatever filters it",
          "[unit][parse]") {
    CHECK(query_error("clients.id=eq.1&select=clients(id)").code == Errc::not_implemented);
}

TEST_CASE("filter: there are no more of them than the limit", "[unit][parse]") {
    std::string text = "a=eq.1";
    for (int i = 1; i < 16; ++i) text += "&a=eq.1";
    CHECK(query_of(text).where.size() == 16);
    const Error error = query_error(text + "&a=eq.1");
    CHECK(error.code == Errc::too_complex);
    CHECK(error.details == "limits.filters: more than 16 filters");
}

}  // namespace lintas::parse
