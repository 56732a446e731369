#include "parse/query.hpp"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "parse/url.hpp"

namespace lintas::parse {

namespace {

enum class Kind { select, columns, on_conflict, order, limit, offset, logic, filter, ignored };

struct Parameter {
    std::string_view key{};
    std::string_view value{};
    bool has_value = false;  // there was a '='
    Kind kind = Kind::ignored;
};

Kind kind_of(std::string_view key) {
    if (key == "select") return Kind::select;
    if (key == "columns") return Kind::columns;
    if (key == "on_conflict") return Kind::on_conflict;
    const std::size_t dot = key.rfind('.');
    const std::string_view word = dot == std::string_view::npos ? key : key.substr(dot + 1);
    if (word == "order") return Kind::order;
    if (word == "limit") return Kind::limit;
    if (word == "offset") return Kind::offset;
    if (word == "and" || word == "or") return Kind::logic;
    return Kind::filter;
}

Result<std::vector<Parameter>> split_parameters(std::string_view encoded, std::string& decoded) {
    // Decoding never makes text longer, so the views into `decoded` stay where they are.
    decoded.clear();
    decoded.reserve(encoded.size());
    const auto decode = [&](std::string_view raw, std::string_view& out) {
        const std::size_t start = decoded.size();
        if (!append_decoded(raw, Plus::space, decoded)) return false;
        out = std::string_view{decoded}.substr(start);
        return true;
    };

    std::vector<Parameter> parameters;
    parameters.reserve(8);
    while (!encoded.empty()) {
        const std::size_t ampersand = encoded.find('&');
        const std::string_view pair = encoded.substr(0, ampersand);
        encoded.remove_prefix(ampersand == std::string_view::npos ? encoded.size() : ampersand + 1);
        if (pair.empty()) continue;
        const std::size_t equals = pair.find('=');
        Parameter parameter;
        parameter.has_value = equals != std::string_view::npos;
        if (!decode(pair.substr(0, equals), parameter.key) ||
            (parameter.has_value && !decode(pair.substr(equals + 1), parameter.value))) {
            return fail(Errc::query_syntax, "The query string is not percent-encoded UTF-8",
                        "every % needs two hexadecimal digits, and %00 is not allowed");
        }
        if (parameter.has_value) parameter.kind = kind_of(parameter.key);
        parameters.push_back(parameter);
    }
    return parameters;
}

// A parameter that had no '=' keeps having none: with one it would be another request.
std::string canonical_from(std::vector<Parameter> parameters) {
    // All keys lie in one buffer in the order they came, which keeps repeated ones in that order.
    std::ranges::sort(parameters, [](const Parameter& a, const Parameter& b) {
        if (const auto order = a.key <=> b.key; order != 0) return order < 0;
        return std::less<>{}(a.key.data(), b.key.data());
    });
    std::string out;
    std::size_t at_least = 0;  // nothing escaped
    for (const Parameter& p : parameters) at_least += p.key.size() + p.value.size() + 2;
    out.reserve(at_least);
    for (const Parameter& parameter : parameters) {
        if (!out.empty()) out += '&';
        append_encoded(parameter.key, out);
        if (!parameter.has_value) continue;
        out += '=';
        append_encoded(parameter.value, out);
    }
    return out;
}

class QueryParser {
 public:
    QueryParser(const std::vector<Parameter>& parameters, Context& context)
        : parameters_(parameters), context_(context) {}

    Result<ParsedQuery> run() {
        const bool parsed = each(Kind::order, &QueryParser::order) &&
                            first(Kind::columns, &QueryParser::columns) &&
                            first(Kind::select, &QueryParser::select) && where() &&
                            first(Kind::on_conflict, &QueryParser::on_conflict) && window();
        if (!parsed) return fail(std::move(error_));
        return std::move(result_);
    }

 private:
    using Step = bool (QueryParser::*)(const Parameter&);

    bool each(Kind kind, Step step) {
        for (const Parameter& parameter : parameters_) {
            if (parameter.kind == kind && !(this->*step)(parameter)) return false;
        }
        return true;
    }

    bool first(Kind kind, Step step) {
        const auto found = std::ranges::find(parameters_, kind, &Parameter::kind);
        return found == parameters_.end() || (this->*step)(*found);
    }

    // Filters and trees are ANDed in the order they came.
    bool where() {
        for (const Parameter& parameter : parameters_) {
            if (parameter.kind == Kind::filter && !filter(parameter)) return false;
            if (parameter.kind == Kind::logic && !logic(parameter)) return false;
        }
        return true;
    }

    bool fail_with(const Cursor& cursor, std::string_view what, std::string_view shown) {
        error_ = context_.exceeded() ? *context_.exceeded() : cursor.syntax_error(what, shown);
        return false;
    }

    bool select(const Parameter& parameter) {
        Cursor cursor{parameter.value};
        if (parse_select(cursor, context_, result_.query.select)) return true;
        return fail_with(cursor, "select parameter", parameter.value);
    }

    bool columns(const Parameter& parameter) {
        Cursor cursor{parameter.value};
        std::vector<std::string> names;
        if (!parse_names(cursor, names)) {
            return fail_with(cursor, "columns parameter", parameter.value);
        }
        result_.query.columns = without_repetitions(std::move(names));
        return true;
    }

    bool on_conflict(const Parameter& parameter) {
        Cursor cursor{parameter.value};
        if (parse_names(cursor, result_.query.on_conflict.emplace())) return true;
        return fail_with(cursor, "on_conflict parameter", parameter.value);
    }

    bool order(const Parameter& parameter) {
        if (!outermost(parameter)) return false;
        std::vector<OrderTerm> terms;
        Cursor cursor{parameter.value};
        if (!parse_order(cursor, context_, terms)) {
            return fail_with(cursor, "order", parameter.value);
        }
        // Of a repeated order the first wins; an embedded one is only reported.
        if (parameter.key == "order" && result_.query.order.empty()) {
            result_.query.order = std::move(terms);
        }
        return true;
    }

    bool window() {
        for (const Parameter& parameter : parameters_) {
            if (parameter.kind != Kind::limit && parameter.kind != Kind::offset) continue;
            if (!outermost(parameter)) return false;
            if (parameter.key == "limit") result_.window.limit = parameter.value;
            if (parameter.key == "offset") result_.window.offset = parameter.value;
        }
        result_.query.window_given = result_.window.limit || result_.window.offset;
        return true;
    }

    bool filter(const Parameter& parameter) {
        Cursor key{parameter.key};
        Tree tree;
        std::vector<std::string> embeds;
        if (!parse_filter_key(key, embeds, tree.filter.field)) {
            return fail_with(key, "tree path", parameter.key);
        }
        Cursor value{parameter.value};
        if (!context_.count_filter() ||
            !parse_operation(value, ValueEnds::with_text, tree.filter)) {
            return fail_with(value, "filter", parameter.value);
        }
        if (embeds.empty()) {
            result_.query.where.push_back(std::move(tree));
        } else {
            context_.note_embed_path(embeds.front());
        }
        return true;
    }

    // embed.path.not.or: the last name is the word, a "not" anywhere negates, the rest is the path.
    bool logic(const Parameter& parameter) {
        std::vector<std::string> names;
        Cursor key{parameter.key};
        if (!parse_key_names(key, names)) {
            return fail_with(key, "logic path", parameter.key);
        }
        Tree tree;
        tree.kind = names.back() == "and" ? Tree::Kind::all_of : Tree::Kind::any_of;
        std::size_t word_length = names.back().size();
        names.pop_back();
        tree.negated = std::erase(names, "not") > 0;
        if (tree.negated) word_length += std::string_view{"not."}.size();

        result_.query.has_logic = true;
        Cursor value{parameter.value, word_length};
        if (!parse_logic(value, context_, tree)) {
            return fail_with(value, "logic tree", parameter.value);
        }
        if (names.empty()) {
            result_.query.where.push_back(std::move(tree));
        } else {
            context_.note_embed_path(names.front());
        }
        return true;
    }

    // Parses the path of `embed.order`, `embed.limit`, `embed.offset` and notes the embed.
    bool outermost(const Parameter& parameter) {
        if (parameter.key.find('.') == std::string_view::npos) return true;
        Cursor key{parameter.key};
        std::vector<std::string> names;
        if (!parse_key_names(key, names)) {
            return fail_with(key, "tree path", parameter.key);
        }
        context_.note_embed_path(names.front());
        return true;
    }

    static std::vector<std::string> without_repetitions(std::vector<std::string> names) {
        std::vector<std::string_view> sorted{names.begin(), names.end()};
        std::ranges::sort(sorted);
        if (std::ranges::adjacent_find(sorted) == sorted.end()) return names;
        sorted.erase(std::ranges::unique(sorted).begin(), sorted.end());
        std::vector<bool> taken(sorted.size(), false);
        std::vector<std::string> out;
        for (const std::string& name : names) {
            const auto at = std::ranges::lower_bound(sorted, std::string_view{name});
            const auto index = static_cast<std::size_t>(at - sorted.begin());
            if (!taken[index]) out.push_back(name);
            taken[index] = true;
        }
        return out;
    }

    const std::vector<Parameter>& parameters_;
    Context& context_;
    ParsedQuery result_{};
    Error error_{};
};

}  // namespace

Result<ParsedQuery> parse_query(std::string_view encoded, Context& context, std::string& decoded) {
    Result<std::vector<Parameter>> parameters = split_parameters(encoded, decoded);
    if (!parameters) return fail(std::move(parameters).error());
    Result<ParsedQuery> parsed = QueryParser{*parameters, context}.run();
    if (parsed) parsed->query.canonical = canonical_from(*std::move(parameters));
    return parsed;
}

}  // namespace lintas::parse
