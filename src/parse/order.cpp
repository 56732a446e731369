#include <fmt/format.h>

#include "parse/grammar.hpp"

namespace lintas::parse {

namespace {

bool take_direction(Cursor& cursor, OrderTerm& out) {
    if (cursor.take(".asc")) {
        out.direction = OrderTerm::Direction::asc;
    } else if (cursor.take(".desc")) {
        out.direction = OrderTerm::Direction::desc;
    } else {
        return false;
    }
    return true;
}

bool take_nulls(Cursor& cursor, OrderTerm& out) {
    if (cursor.take(".nullsfirst")) {
        out.nulls = OrderTerm::Nulls::first;
    } else if (cursor.take(".nullslast")) {
        out.nulls = OrderTerm::Nulls::last;
    } else {
        return false;
    }
    return true;
}

// Behind a '.' that begins none of the words; the first word decides what is called unexpected.
bool miss_keyword(Cursor& cursor, bool direction_allowed) {
    const std::size_t at = cursor.pos() + 1;
    const std::string_view word = direction_allowed ? "asc" : "nullsfirst";
    std::size_t same = 0;
    while (same < word.size() && cursor.peek(1 + same) == word[same]) ++same;
    if (direction_allowed) {
        return cursor.miss_word(at, at + same,
                                {"\"asc\"", "\"desc\"", "\"nullsfirst\"", "\"nullslast\""});
    }
    return cursor.miss_word(at, at + same, {"\"nullsfirst\"", "\"nullslast\""});
}

// [".asc" | ".desc"] [".nullsfirst" | ".nullslast"], then the end of the term.
bool parse_keywords(Cursor& cursor, OrderTerm& out) {
    const bool directed = take_direction(cursor, out);
    const bool nulls = take_nulls(cursor, out);
    if (!nulls && cursor.peek() == '.') return miss_keyword(cursor, !directed);
    cursor.skip_blanks();
    if (cursor.at_end() || cursor.peek() == ',') return true;
    if (nulls) return cursor.miss({"\",\"", "end of input"});
    if (directed) return cursor.miss({"delimiter (.)", "\",\"", "end of input"});
    return cursor.miss({"letter", "digit", "\"-\"", "\"->>\"", "\"->\"", "delimiter (.)", "\",\"",
                        "end of input"});
}

// "(" field ")" behind the name of an embed.
bool take_related_field(Cursor& cursor) {
    Cursor attempt = cursor;
    Field field;
    if (!attempt.take('(') || !parse_field(attempt, field) || !attempt.take(')')) return false;
    cursor.seek(attempt.pos());
    return true;
}

bool parse_term(Cursor& cursor, Context& context, OrderTerm& out) {
    if (!parse_field(cursor, out.field)) return false;
    if (cursor.peek() == '(' && out.field.path.empty() && take_related_field(cursor)) {
        context.refuse(fmt::format("Ordering by a related resource ({}) is not implemented",
                                   out.field.column));
    }
    return parse_keywords(cursor, out);
}

}  // namespace

bool parse_order(Cursor& cursor, Context& context, std::vector<OrderTerm>& out) {
    do {
        if (!parse_term(cursor, context, out.emplace_back())) return false;
    } while (cursor.take(','));
    return true;
}

}  // namespace lintas::parse
