#include "support.hpp"

namespace lintas::parse {

TEST_CASE("order: terms parse with direction before nulls", "[unit][parse]") {
    struct Row {
        std::string text;
        std::string terms;
    };
    const auto row = GENERATE(values<Row>({
        {"a", "<a>"},
        {"a.asc", "<a> asc"},
        {"a.desc", "<a> desc"},
        {"a.nullsfirst", "<a> first"},
        {"a.nullslast", "<a> last"},
        {"a.asc.nullslast", "<a> asc last"},
        {"a.desc.nullsfirst", "<a> desc first"},
        {"a.desc,b,c.nullslast", "<a> desc | <b> | <c> last"},
        {" a , b.asc , c", "<a> | <b> asc | <c>"},
        {"data->a->>0.desc", "<data>-><a>->>#0 desc"},
        {"data->!x.asc", "<data>-><!x> asc"},
        {"%22a.b%22.desc", "<a.b> desc"},
        {"asc.desc", "<asc> desc"},
    }));
    CHECK(shown(query_of("order=" + row.text).order) == row.terms);
}

TEST_CASE("order: of a repeated parameter the first wins", "[unit][parse]") {
    CHECK(shown(query_of("order=a.desc&order=b").order) == "<a> desc");
}

TEST_CASE("order: a mistake is named with its column", "[unit][parse]") {
    struct Row {
        std::string text;
        std::string column;
        std::string details;
    };
    const auto row = GENERATE(values<Row>({
        {"id.ac", "4",
         "unexpected \"c\" expecting \"asc\", \"desc\", \"nullsfirst\" or \"nullslast\""},
        {"id.nulsfist", "4",
         "unexpected \"n\" expecting \"asc\", \"desc\", \"nullsfirst\" or \"nullslast\""},
        {"id.descc", "8", "unexpected \"c\" expecting delimiter (.), \",\" or end of input"},
        {"id.nullslasttt", "13", "unexpected \"t\" expecting \",\" or end of input"},
        {"id.asc.nlsfst", "8", "unexpected \"l\" expecting \"nullsfirst\" or \"nullslast\""},
        {"id.asc.asc", "8", ""},
        {"id.asc.", "8", ""},
        {"id.nullsfirst.asc", "14", ""},
        {"", "1", "unexpected end of input expecting field name (* or [a..z0..9_$])"},
        {"a,", "3", ""},
        {"eq.0", "4", ""},
        {"clients(name,id)", "8",
         "unexpected \"(\" expecting letter, digit, \"-\", \"->>\", \"->\", delimiter (.), \",\" "
         "or "
         "end of input"},
    }));
    const Error error = query_error("order=" + row.text);
    CHECK(error.code == Errc::query_syntax);
    CHECK(error.message ==
          "\"failed to parse order (" + row.text + ")\" (line 1, column " + row.column + ")");
    if (!row.details.empty()) CHECK(error.details == row.details);
}

TEST_CASE("order: ordering by a related resource is named as not built", "[unit][parse]") {
    const auto text =
        GENERATE(as<std::string>{}, "clients(name)", "id,clients(data->a).desc.nullslast");
    const Error error = query_error("order=" + text);
    CHECK(error.code == Errc::not_implemented);
    CHECK(error.details == "Ordering by a related resource (clients) is not implemented");
}

}  // namespace lintas::parse
