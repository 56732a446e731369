// The request target: method letter, then the target as a client would send it.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.hpp"
#include "parse/request.hpp"
#include "parse/utf8.hpp"

namespace {

using namespace lintas;

constexpr std::string_view kMethods[] = {"GET", "HEAD",   "POST",    "PATCH",
                                         "PUT", "DELETE", "OPTIONS", "FOO"};

bool text_is_clean(std::string_view text) {
    return parse::valid_utf8(text) && text.find('\0') == std::string_view::npos;
}

void check(const parse::Field& field) {
    LINTAS_ASSERT(!field.column.empty() && text_is_clean(field.column));
    for (const parse::JsonStep& step : field.path) {
        const auto* key = std::get_if<std::string>(&step.key);
        LINTAS_ASSERT(!key || text_is_clean(*key));
    }
}

void check(const parse::Tree& tree, std::size_t depth, std::size_t& filters) {
    LINTAS_ASSERT(++filters <= 64);
    if (tree.kind == parse::Tree::Kind::filter) {
        check(tree.filter.field);
        LINTAS_ASSERT(text_is_clean(tree.filter.value));
        LINTAS_ASSERT(tree.filter.list.empty() || tree.filter.op == parse::Op::in);
        for (const std::string& element : tree.filter.list) LINTAS_ASSERT(text_is_clean(element));
        return;
    }
    LINTAS_ASSERT(depth < 8 && !tree.children.empty());
    for (const parse::Tree& child : tree.children) check(child, depth + 1, filters);
}

// The injection barrier of casts, which are spliced into SQL unquoted.
void check_cast(std::string_view cast) {
    LINTAS_ASSERT(!cast.empty());
    for (const char c : cast) {
        const bool ascii_ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '_' || c == ' ' || c == '$';
        LINTAS_ASSERT(ascii_ok || static_cast<unsigned char>(c) >= 0x80);
    }
}

void check(const parse::Query& query) {
    for (const parse::SelectItem& item : query.select) {
        if (!item.star) check(item.field);
        if (item.cast) check_cast(*item.cast);
    }
    std::size_t filters = 0;
    for (const parse::Tree& tree : query.where) check(tree, 0, filters);
    for (const parse::OrderTerm& term : query.order) check(term.field);
    LINTAS_ASSERT(query.window.offset >= 0 && query.window.limit.value_or(0) >= 0);
    LINTAS_ASSERT(!query.columns || !query.columns->empty());
    LINTAS_ASSERT(!query.on_conflict || !query.on_conflict->empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view target{reinterpret_cast<const char*>(data) + 1, size - 1};
    const parse::ParseOptions options{.schemas = {"public"}, .nesting = 8, .filters = 64};
    const RawRequest raw{kMethods[data[0] % 8], target, {}, {}, "127.0.0.1:1"};
    const Result<parse::Request> request = parse::parse_request(raw, options);
    if (!request) {
        LINTAS_ASSERT(!request.error().message.empty());
        LINTAS_ASSERT(parse::valid_utf8(request.error().message));
        LINTAS_ASSERT(parse::valid_utf8(request.error().details));
        return 0;
    }
    LINTAS_ASSERT(text_is_clean(request->relation));
    check(request->query);

    // The canonical query string stands for the same request, and is its own canonical form.
    const std::string again = "/x?" + request->query.canonical;
    if (request->path != parse::PathKind::relation || request->method == parse::Method::options) {
        return 0;
    }
    const RawRequest canonical{raw.method, again, {}, {}, raw.peer};
    const Result<parse::Request> second = parse::parse_request(canonical, options);
    LINTAS_ASSERT(second.has_value());
    LINTAS_ASSERT(second->query.canonical == request->query.canonical);
    LINTAS_ASSERT(second->query.select == request->query.select);
    LINTAS_ASSERT(second->query.where.size() == request->query.where.size());
    LINTAS_ASSERT(second->query.columns == request->query.columns);
    LINTAS_ASSERT(second->window == request->window);
    return 0;
}
