#include <fmt/format.h>

#include <optional>

#include "parse/grammar.hpp"

namespace lintas::parse {

namespace {

bool parse_items(Cursor& cursor, Context& context, std::size_t depth, std::vector<SelectItem>& out);

bool at_item_end(const Cursor& cursor) {
    return cursor.at_end() || cursor.peek() == ',' || cursor.peek() == ')';
}

// "::" cast
bool parse_cast(Cursor& cursor, std::optional<std::string>& out) {
    if (!cursor.take("::")) return true;
    return parse_identifier(cursor, out.emplace());
}

bool miss_after_name(Cursor& cursor) {
    return cursor.miss({"letter", "digit", "\"-\"", "\"->>\"", "\"->\"", "\"::\"", "\".\"", "\")\"",
                        "\",\"", "end of input"});
}

// *("!" hint-or-join), at most two, if a parenthesis follows. Without it the item is taken for a
// column, and its first '!' is the mistake.
bool take_embed_params(Cursor& cursor) {
    Cursor attempt = cursor;
    std::string hint_or_join;
    for (int param = 0; param < 2 && attempt.take('!'); ++param) {
        if (!parse_name(attempt, hint_or_join)) return false;
    }
    if (attempt.peek() != '(') return false;
    cursor.seek(attempt.pos());
    return true;
}

// The items inside an embed are parsed and dropped: a mistake in them is still the client's to fix.
bool parse_embed(Cursor& cursor, Context& context, std::size_t depth, std::string_view kind,
                 const std::string& name) {
    if (!take_embed_params(cursor)) return miss_after_name(cursor);
    if (!context.check_depth(depth + 1)) return false;
    cursor.advance(1);  // the parenthesis
    std::vector<SelectItem> inner;
    if (!parse_items(cursor, context, depth + 1, inner)) return false;
    if (!cursor.take(')')) return cursor.miss({"\")\"", "\",\""});
    cursor.skip_blanks();
    if (!at_item_end(cursor)) return cursor.miss({"\")\"", "\",\"", "end of input"});
    context.refuse(fmt::format("{} ({}) is not implemented", kind, name));
    return true;
}

bool parse_aggregate_call(Cursor& cursor) {
    for (const std::string_view function : {"sum", "avg", "count", "max", "min"}) {
        if (cursor.take(function)) return cursor.take("()") || cursor.miss({"\"()\""});
    }
    return cursor.miss({"\"sum\"", "\"avg\"", "\"count\"", "\"max\"", "\"min\""});
}

// Called behind "()"; the whole item goes once its end is known to be well formed.
bool finish_aggregate(Cursor& cursor, Context& context) {
    std::optional<std::string> cast;
    if (!parse_cast(cursor, cast)) return false;
    cursor.skip_blanks();
    if (!at_item_end(cursor)) return cursor.miss({"\"::\"", "\")\"", "\",\"", "end of input"});
    context.refuse("Aggregate functions in select are not implemented");
    return true;
}

bool parse_item(Cursor& cursor, Context& context, std::size_t depth, SelectItem& out) {
    if (cursor.take("...")) {
        std::string name;
        if (!parse_name(cursor, name)) return false;
        return parse_embed(cursor, context, depth, "Spreading an embedded resource in select",
                           name);
    }
    if (cursor.take('*')) {
        cursor.skip_blanks();
        out.star = true;
        return at_item_end(cursor) || cursor.miss({"\")\"", "\",\"", "end of input"});
    }
    if (!parse_name(cursor, out.field.column)) return false;
    if (cursor.peek() == ':' && cursor.peek(1) != ':') {
        cursor.advance(1);
        out.alias = std::move(out.field.column);
        cursor.skip_blanks();
        if (!parse_name(cursor, out.field.column)) return false;
    }
    // The word count in front of a parenthesis is the aggregate, never an embed.
    if (cursor.peek() == '(' && out.field.column == "count") {
        if (!cursor.take("()")) return miss_after_name(cursor);
        return finish_aggregate(cursor, context);
    }
    if (cursor.peek() == '(' || cursor.peek() == '!') {
        return parse_embed(cursor, context, depth, "Embedding a resource in select",
                           out.field.column);
    }
    if (!parse_json_path(cursor, out.field.path)) return false;
    cursor.skip_blanks();
    if (!parse_cast(cursor, out.cast)) return false;
    if (cursor.take('.')) {
        return parse_aggregate_call(cursor) && finish_aggregate(cursor, context);
    }
    cursor.skip_blanks();
    if (at_item_end(cursor)) return true;
    if (out.cast)
        return cursor.miss({"letter", "digit", "\".\"", "\")\"", "\",\"", "end of input"});
    return miss_after_name(cursor);
}

bool parse_items(Cursor& cursor, Context& context, std::size_t depth,
                 std::vector<SelectItem>& out) {
    cursor.skip_blanks();
    if (cursor.at_end() || cursor.peek() == ')') return true;  // no item is legal: all columns
    do {
        cursor.skip_blanks();
        if (!parse_item(cursor, context, depth, out.emplace_back())) return false;
    } while (cursor.take(','));
    return true;
}

}  // namespace

bool parse_select(Cursor& cursor, Context& context, std::vector<SelectItem>& out) {
    if (!parse_items(cursor, context, 0, out)) return false;
    return cursor.at_end() || cursor.miss({"\",\"", "end of input"});
}

}  // namespace lintas::parse
