#include "parse/grammar.hpp"

namespace lintas::parse {

namespace {

bool parse_branches(Cursor& cursor, Context& context, std::size_t depth, std::vector<Tree>& out);

bool parse_leaf(Cursor& cursor, Filter& out) {
    if (!parse_field(cursor, out.field)) return false;
    if (!cursor.take('.')) return cursor.miss({"\"->>\"", "\"->\"", "delimiter (.)"});
    return parse_operation(cursor, ValueEnds::in_tree, out);
}

bool parse_word(Cursor& cursor, Tree& out) {
    out.negated = cursor.take("not.");
    if (cursor.take("and")) {
        out.kind = Tree::Kind::all_of;
    } else if (cursor.take("or")) {
        out.kind = Tree::Kind::any_of;
    } else {
        if (!out.negated) cursor.miss({"negation operator (not)"});
        return cursor.miss({"logic operator (and, or)"});
    }
    return true;
}

bool parse_tree(Cursor& cursor, Context& context, std::size_t depth, Tree& out) {
    cursor.skip_blanks();
    if (!context.count_filter()) return false;
    const Cursor start = cursor;
    // `and`, `or` and `not` may be columns as well, so a filter is tried first. The attempt stops
    // at the parenthesis of an and(..), so nothing is read twice but the word.
    if (parse_leaf(cursor, out.filter)) {
        out.kind = Tree::Kind::filter;
        return true;
    }
    cursor.seek(start.pos());
    out = Tree{};
    if (cursor.rest().starts_with("not.") || cursor.rest().starts_with("and") ||
        cursor.rest().starts_with("or")) {
        cursor.forget_failures_since(start);
    }
    return parse_word(cursor, out) && parse_branches(cursor, context, depth + 1, out.children);
}

bool parse_branches(Cursor& cursor, Context& context, std::size_t depth, std::vector<Tree>& out) {
    if (!context.check_depth(depth)) return false;
    cursor.skip_blanks();
    if (!cursor.take('(')) return cursor.miss({"\"(\""});
    do {
        if (!parse_tree(cursor, context, depth, out.emplace_back())) return false;
        cursor.skip_blanks();
    } while (cursor.take(','));
    if (!cursor.take(')')) return cursor.miss({"\",\"", "\")\""});
    cursor.skip_blanks();
    return true;
}

}  // namespace

bool parse_logic(Cursor& cursor, Context& context, Tree& out) {
    if (!context.count_filter()) return false;
    if (!parse_branches(cursor, context, 1, out.children)) return false;
    // One parenthesis too many is accepted, as it is by the dialect's reference.
    while (cursor.take(')')) cursor.skip_blanks();
    return cursor.at_end() || cursor.miss({"end of input"});
}

}  // namespace lintas::parse
