#include <array>
#include <optional>
#include <string_view>

#include "parse/grammar.hpp"

namespace lintas::parse {

namespace {

enum class Shape { plain, quantified, list, word, full_text };

struct Operator {
    std::string_view word;
    Op op;
    Shape shape;
};

constexpr std::array kOperators = {
    Operator{"eq", Op::eq, Shape::quantified},
    Operator{"neq", Op::neq, Shape::plain},
    Operator{"gt", Op::gt, Shape::quantified},
    Operator{"gte", Op::gte, Shape::quantified},
    Operator{"lt", Op::lt, Shape::quantified},
    Operator{"lte", Op::lte, Shape::quantified},
    Operator{"like", Op::like, Shape::quantified},
    Operator{"ilike", Op::ilike, Shape::quantified},
    Operator{"match", Op::match, Shape::quantified},
    Operator{"imatch", Op::imatch, Shape::quantified},
    Operator{"in", Op::in, Shape::list},
    Operator{"is", Op::is, Shape::word},
    Operator{"isdistinct", Op::isdistinct, Shape::plain},
    Operator{"cs", Op::cs, Shape::plain},
    Operator{"cd", Op::cd, Shape::plain},
    Operator{"ov", Op::ov, Shape::plain},
    Operator{"sl", Op::sl, Shape::plain},
    Operator{"sr", Op::sr, Shape::plain},
    Operator{"nxr", Op::nxr, Shape::plain},
    Operator{"nxl", Op::nxl, Shape::plain},
    Operator{"adj", Op::adj, Shape::plain},
    Operator{"fts", Op::fts, Shape::full_text},
    Operator{"plfts", Op::plfts, Shape::full_text},
    Operator{"phfts", Op::phfts, Shape::full_text},
    Operator{"wfts", Op::wfts, Shape::full_text},
};

struct Word {
    std::string_view word;
    IsWord is;
};

constexpr std::array kIsWords = {
    Word{"null", IsWord::null},       Word{"not_null", IsWord::not_null},
    Word{"true", IsWord::is_true},    Word{"false", IsWord::is_false},
    Word{"unknown", IsWord::unknown},
};

constexpr std::string_view kDelimiter = "delimiter (.)";

// The longest operator that the text begins with: what follows it must be '.' or '('.
const Operator* operator_at(std::string_view text) {
    const Operator* found = nullptr;
    for (const Operator& candidate : kOperators) {
        if (text.starts_with(candidate.word) &&
            (!found || candidate.word.size() > found->word.size())) {
            found = &candidate;
        }
    }
    return found;
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool at_value_end(const Cursor& cursor) {
    return cursor.at_end() || cursor.peek() == ',' || cursor.peek() == ')';
}

std::string_view take_until_separator(Cursor& cursor) {
    const std::size_t start = cursor.pos();
    const std::size_t end = cursor.text().find_first_of(",)", start);
    cursor.seek(end == std::string_view::npos ? cursor.text().size() : end);
    return cursor.since(start);
}

// "quoted", if , or ) or the end follows; otherwise the quotes are part of the raw text.
bool take_quoted_value(Cursor& cursor, std::string& out) {
    if (cursor.peek() != '"') return false;
    Cursor attempt = cursor;
    attempt.advance(1);
    if (!parse_quoted(attempt, out) || !at_value_end(attempt)) return false;
    cursor.seek(attempt.pos());
    return true;
}

bool parse_list(Cursor& cursor, std::vector<std::string>& out) {
    cursor.skip_blanks();
    if (!cursor.take('(')) return cursor.miss({"\"(\""});
    cursor.skip_blanks();
    do {
        std::string& element = out.emplace_back();
        if (!take_quoted_value(cursor, element)) element = take_until_separator(cursor);
    } while (cursor.take(','));
    if (!cursor.take(')')) return cursor.miss({"\",\"", "\")\""});
    if (out.size() == 1 && out.front().empty()) out.clear();  // in.() is the empty set
    return true;
}

bool parse_is_word(Cursor& cursor, IsWord& out) {
    const std::string_view rest = cursor.rest();
    std::size_t furthest = 0;
    const Word* found = nullptr;
    for (const Word& candidate : kIsWords) {
        std::size_t same = 0;
        while (same < candidate.word.size() && same < rest.size() &&
               lower(rest[same]) == candidate.word[same]) {
            ++same;
        }
        if (same == candidate.word.size()) found = &candidate;
        furthest = std::max(furthest, same);
    }
    if (!found) {
        return cursor.miss_at(cursor.pos() + furthest,
                              {"isVal: (null, not_null, true, false, unknown)"});
    }
    cursor.advance(found->word.size());
    out = found->is;
    return true;
}

// The value of a filter inside a tree: "quoted", {an array literal}, or up to the next , or ).
void take_tree_value(Cursor& cursor, std::string& out) {
    if (take_quoted_value(cursor, out)) return;
    if (cursor.peek() == '{') {
        const std::size_t brace = cursor.text().find_first_of("{}", cursor.pos() + 1);
        if (brace != std::string_view::npos && cursor.text()[brace] == '}') {
            const std::size_t start = cursor.pos();
            cursor.seek(brace + 1);
            out = cursor.since(start);
            return;
        }
    }
    out = take_until_separator(cursor);
}

bool parse_quantifier(Cursor& cursor, Quantifier& out) {
    if (!cursor.take('(')) return true;
    if (cursor.take("any)")) {
        out = Quantifier::any;
    } else if (cursor.take("all)")) {
        out = Quantifier::all;
    } else {
        return cursor.miss({"\"any\"", "\"all\""});
    }
    return true;
}

bool parse_text_config(Cursor& cursor, std::optional<std::string>& out) {
    if (!cursor.take('(')) return true;
    if (!parse_identifier(cursor, out.emplace())) return false;
    return cursor.take(')') || cursor.miss({"letter", "digit", "\")\""});
}

}  // namespace

bool parse_operation(Cursor& cursor, ValueEnds ends, Filter& out) {
    const std::size_t start = cursor.pos();
    if (cursor.take("not")) {
        if (cursor.take('.')) {
            out.negated = true;
        } else {
            cursor.miss({kDelimiter});
            cursor.seek(start);
        }
    }
    const Operator* const found = operator_at(cursor.rest());
    if (!found) {
        if (!out.negated) cursor.miss({"\"not\""});
        return cursor.miss({"operator (eq, gt, ...)"});
    }
    cursor.advance(found->word.size());
    out.op = found->op;
    if (found->shape == Shape::quantified && !parse_quantifier(cursor, out.quantifier))
        return false;
    if (found->shape == Shape::full_text && !parse_text_config(cursor, out.fts_config))
        return false;
    if (!cursor.take('.')) {
        const bool parenthesis =
            (found->shape == Shape::quantified && out.quantifier == Quantifier::none) ||
            (found->shape == Shape::full_text && !out.fts_config);
        return parenthesis ? cursor.miss({"\"(\"", kDelimiter}) : cursor.miss({kDelimiter});
    }
    switch (found->shape) {
        case Shape::list:
            if (!parse_list(cursor, out.list)) return false;
            break;
        case Shape::word:
            if (!parse_is_word(cursor, out.is)) return false;
            break;
        case Shape::plain:
        case Shape::quantified:
        case Shape::full_text:
            if (ends == ValueEnds::with_text) {
                out.value = cursor.rest();
                cursor.seek(cursor.text().size());
            } else {
                take_tree_value(cursor, out.value);
            }
            return true;
    }
    cursor.skip_blanks();
    if (ends == ValueEnds::with_text && !cursor.at_end()) return cursor.miss({"end of input"});
    return true;
}

}  // namespace lintas::parse
