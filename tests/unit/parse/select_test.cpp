#include "support.hpp"

namespace lintas::parse {

TEST_CASE("select: every form of an item parses into its parts", "[unit][parse]") {
    struct Row {
        std::string text;
        std::string items;
    };
    const auto row = GENERATE(values<Row>({
        {"", ""},
        {"*", "*"},
        {"id", "<id>"},
        {"id,name", "<id> | <name>"},
        {"*,id", "* | <id>"},
        {" id , name ", "<id> | <name>"},
        {"%09*%09,%09id", "* | <id>"},
        {"full+name", "<full name>"},
        {"a-b-c", "<a-b-c>"},
        {"a - b", "<a - b>"},
        {"$x_1", "<$x_1>"},
        {"123", "<123>"},
        {"%C3%A9t%C3%A9", "<\xC3\xA9t\xC3\xA9>"},
        {"%D9%85%D9%88%D8%A7%D8%B1%D8%AF", "<\xD9\x85\xD9\x88\xD8\xA7\xD8\xB1\xD8\xAF>"},
        {"%22a,b%22", "<a,b>"},
        {"%22a%5C%22b%5C%5Cc%22", "<a\"b\\c>"},
        {"%22 x %22", "< x >"},
        {"alias:id", "alias = <id>"},
        {"%22an,alias%22:id", "an,alias = <id>"},
        {"alias: id", "alias = <id>"},
        {"id::text", "<id> as text"},
        {"id::double precision", "<id> as double precision"},
        {"alias:id::int", "alias = <id> as int"},
        {"data->a", "<data>-><a>"},
        {"data->>a", "<data>->><a>"},
        {"data->0", "<data>->#0"},
        {"data->-1->>2", "<data>->#-1->>#2"},
        {"data->0,id", "<data>->#0 | <id>"},
        {"data->0::int", "<data>->#0 as int"},
        {"data->0xy1", "<data>-><0xy1>"},
        {"data->23-xy-45->1", "<data>-><23-xy-45>->#1"},
        {"data->!@%23$%25^%26*_d->>e::int", "<data>-><!@#$%^&*_d>->><e> as int"},
        {"data->%22a.b%22", "<data>-><a.b>"},
        {"data->99999999999999999999", "<data>-><99999999999999999999>"},
        {"data->a-b", "<data>-><a-b>"},
        {"a:data->b::json,c", "a = <data>-><b> as json | <c>"},
        {"count", "<count>"},
    }));
    CHECK(shown(query_of("select=" + row.text).select) == row.items);
}

TEST_CASE("select: a JSON index must be followed by an operator, a comma or the end",
          "[unit][parse]") {
    CHECK(shown(query_of("select=data->1->b").select) == "<data>->#1-><b>");
    CHECK(shown(query_of("select=data->1b").select) == "<data>-><1b>");
    CHECK(shown(query_of("select=data->1 ,b").select) == "<data>-><1> | <b>");
}

TEST_CASE("select: a mistake is named with its column", "[unit][parse]") {
    struct Row {
        std::string text;
        std::string message;
        std::string details;
    };
    const auto row = GENERATE(values<Row>({
        {"data->>--34", "\"failed to parse select parameter (data->>--34)\" (line 1, column 9)",
         "unexpected \"-\" expecting digit"},
        {"data->(x", "\"failed to parse select parameter (data->(x)\" (line 1, column 7)",
         "unexpected \"(\" expecting \"-\", digit or any non reserved character different from: "
         ".,>()"},
        {"data->>-78xy", "\"failed to parse select parameter (data->>-78xy)\" (line 1, column 11)",
         "unexpected \"x\" expecting digit, \"->\", \"::\", \".\", \",\" or end of input"},
        {"id,", "\"failed to parse select parameter (id,)\" (line 1, column 4)",
         "unexpected end of input expecting field name (* or [a..z0..9_$])"},
        {":", "\"failed to parse select parameter (:)\" (line 1, column 1)",
         "unexpected \":\" expecting field name (* or [a..z0..9_$])"},
        {"id::", "\"failed to parse select parameter (id::)\" (line 1, column 5)",
         "unexpected end of input expecting letter or digit"},
        {"id::int;", "\"failed to parse select parameter (id::int;)\" (line 1, column 8)",
         "unexpected \";\" expecting letter, digit, \".\", \")\", \",\" or end of input"},
        {"id::int[]", "\"failed to parse select parameter (id::int[])\" (line 1, column 8)",
         "unexpected \"[\" expecting letter, digit, \".\", \")\", \",\" or end of input"},
        {"id[", "\"failed to parse select parameter (id[)\" (line 1, column 3)",
         "unexpected \"[\" expecting letter, digit, \"-\", \"->>\", \"->\", \"::\", \".\", \")\", "
         "\",\" or end of input"},
        {"*x", "\"failed to parse select parameter (*x)\" (line 1, column 2)",
         "unexpected \"x\" expecting \")\", \",\" or end of input"},
        {"id)", "\"failed to parse select parameter (id))\" (line 1, column 3)",
         "unexpected \")\" expecting \",\" or end of input"},
        {"a-", "\"failed to parse select parameter (a-)\" (line 1, column 3)",
         "unexpected end of input expecting letter or digit"},
        {"%22a", "\"failed to parse select parameter (\"a)\" (line 1, column 3)",
         "unexpected end of input expecting \"\\\\\" or \"\\\"\""},
        {"%22%22", "\"failed to parse select parameter (\"\")\" (line 1, column 1)",
         "unexpected \"\"\" expecting field name (* or [a..z0..9_$])"},
        {"%C3%A9!!!", "\"failed to parse select parameter (\xC3\xA9!!!)\" (line 1, column 2)",
         "unexpected \"!\" expecting letter, digit, \"-\", \"->>\", \"->\", \"::\", \".\", \")\", "
         "\",\" or end of input"},
        {"a%0Ab", "\"failed to parse select parameter (a\nb)\" (line 1, column 2)", ""},
        {"%09%09!", "\"failed to parse select parameter (\t\t!)\" (line 1, column 17)", ""},
        {"%C2%A0", "\"failed to parse select parameter (\xC2\xA0)\" (line 1, column 1)", ""},
        {"data->", "\"failed to parse select parameter (data->)\" (line 1, column 7)", ""},
        {"data->a-", "\"failed to parse select parameter (data->a-)\" (line 1, column 9)", ""},
        {"data->   ", "\"failed to parse select parameter (data->   )\" (line 1, column 7)", ""},
        {"id.sum", "\"failed to parse select parameter (id.sum)\" (line 1, column 7)",
         "unexpected end of input expecting \"()\""},
        {"id.foo", "\"failed to parse select parameter (id.foo)\" (line 1, column 4)", ""},
        {"clients(id", "\"failed to parse select parameter (clients(id)\" (line 1, column 11)", ""},
        {"clients(id[])",
         "\"failed to parse select parameter (clients(id[]))\" (line 1, column 11)", ""},
        {"clients!inner", "\"failed to parse select parameter (clients!inner)\" (line 1, column 8)",
         ""},
        {"count(*)", "\"failed to parse select parameter (count(*))\" (line 1, column 6)", ""},
    }));
    const Error error = query_error("select=" + row.text);
    CHECK(error.code == Errc::query_syntax);
    CHECK(error.message == row.message);
    if (!row.details.empty()) CHECK(error.details == row.details);
}

TEST_CASE("select: what is not built is named, never read as a column", "[unit][parse]") {
    struct Row {
        std::string text;
        std::string details;
    };
    const auto row = GENERATE(values<Row>({
        {"clients(id)", "Embedding a resource in select (clients) is not implemented"},
        {"id,c:clients!inner(id,name)",
         "Embedding a resource in select (clients) is not implemented"},
        {"clients!fk!left()", "Embedding a resource in select (clients) is not implemented"},
        {"clients(*,projects(*))", "Embedding a resource in select (projects) is not implemented"},
        {"...clients(id)", "Spreading an embedded resource in select (clients) is not implemented"},
        {"count()", "Aggregate functions in select are not implemented"},
        {"n:count()::text", "Aggregate functions in select are not implemented"},
        {"amount.sum()", "Aggregate functions in select are not implemented"},
        {"amount::numeric.avg()::text,id", "Aggregate functions in select are not implemented"},
        {"data->a.max()", "Aggregate functions in select are not implemented"},
    }));
    const Error error = query_error("select=" + row.text);
    CHECK(error.code == Errc::not_implemented);
    CHECK(error.message == "Feature not implemented");
    CHECK(error.details == row.details);
}

TEST_CASE("select: embeds nest no deeper than the limit", "[unit][parse]") {
    std::string text = "select=";
    for (int i = 0; i < 9; ++i) text += "a(";
    for (int i = 0; i < 9; ++i) text += ")";
    const Error error = query_error(text);
    CHECK(error.code == Errc::too_complex);
    CHECK(error.details == "limits.nesting: more than 8 levels");
}

}  // namespace lintas::parse
