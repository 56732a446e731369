#include "cache/read_key.hpp"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

namespace lintas::cache {

namespace {

/// Length-prefixed, so that no value can imitate the border between two.
class KeyText {
 public:
    void add(std::string_view part) {
        text_ += std::to_string(part.size());
        text_ += ':';
        text_ += part;
    }
    void add_number(std::optional<std::int64_t> number) {
        add(number ? std::to_string(*number) : std::string_view{"-"});
    }
    std::string take() { return std::move(text_); }

 private:
    std::string text_;
};

/// Of one token, or of one login, and not of its subject (RFC 7519 section 4.1).
bool belongs_to_token(std::string_view claim) {
    constexpr std::array<std::string_view, 4> kNames{"exp", "iat", "nbf", "jti"};
    return std::ranges::find(kNames, claim) != kNames.end();
}

/// A claim that is missing and one that is null are different: policies may see the difference.
void add_claims(KeyText& key, std::string_view claims_json, const std::vector<std::string>& names) {
    boost::system::error_code ec;
    const boost::json::value claims = boost::json::parse(claims_json, ec);
    const boost::json::object* const object = ec ? nullptr : claims.if_object();
    for (const std::string& name : names) {
        const boost::json::value* const claim = object ? object->if_contains(name) : nullptr;
        key.add(name);
        key.add(claim ? boost::json::serialize(*claim) : std::string{});
    }
    // The default: nobody has said which claims the policies read, and two tenants with the same
    // subject, or with none, must not meet.
    const bool unsaid = names.size() == 1 && names.front() == "sub";
    if (!unsaid || !object) return;
    for (const auto& [name, value] : *object) {
        if (name == "sub" || belongs_to_token(name)) continue;
        key.add(name);
        key.add(boost::json::serialize(value));
    }
}

bool names_the_clock(std::string_view value) {
    // PostgreSQL 15 manual, 8.5.1.4 Special Values; `epoch` and the infinities stand still.
    constexpr std::array<std::string_view, 4> kWords{"now", "today", "tomorrow", "yesterday"};
    std::string lower{value};
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return std::ranges::any_of(
        kWords, [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

bool reads_clock(const parse::Filter& filter, const schema::Relation& relation) {
    const schema::Column* const column = relation.column(filter.field.column);
    if (column && !column->input_reads_clock) return false;
    return names_the_clock(filter.value) || std::ranges::any_of(filter.list, names_the_clock);
}

bool reads_clock(const parse::Tree& tree, const schema::Relation& relation) {
    if (tree.kind == parse::Tree::Kind::filter) return reads_clock(tree.filter, relation);
    return std::ranges::any_of(
        tree.children, [&](const parse::Tree& child) { return reads_clock(child, relation); });
}

/// Other casts may call functions of the database, or turn a stored text like 'today' into another
/// value every day.
bool casts_plainly(const parse::SelectItem& item) {
    constexpr std::array<std::string_view, 17> kPlain{
        "text",   "varchar",  "character varying", "int",  "int2", "int4",    "int8", "integer",
        "bigint", "smallint", "numeric",           "real", "bool", "boolean", "uuid", "json",
        "jsonb"};
    return !item.cast || std::ranges::find(kPlain, *item.cast) != kPlain.end();
}

std::optional<std::string> canonical_integer(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
    std::int64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, ec] = std::from_chars(text.data(), end, value);
    if (text.empty() || ec != std::errc{} || stop != end) return std::nullopt;
    return std::to_string(value);
}

/// PostgreSQL takes braces, upper case and hyphens after every four digits (manual, 8.12).
std::optional<std::string> canonical_uuid(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == '-' || c == '{' || c == '}') continue;
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (!hex) return std::nullopt;
        if (out.size() == 8 || out.size() == 13 || out.size() == 18 || out.size() == 23) out += '-';
        out += c;
    }
    if (out.size() != 36) return std::nullopt;
    return out;
}

std::optional<std::string> canonical(schema::KeyType type, const std::string& text) {
    switch (type) {
        case schema::KeyType::integer:
            return canonical_integer(text);
        case schema::KeyType::uuid:
            return canonical_uuid(text);
        case schema::KeyType::text:
            return text;
        case schema::KeyType::other:
            break;
    }
    return std::nullopt;
}

const parse::Filter* equality_with(const std::vector<parse::Tree>& where, std::string_view column) {
    for (const parse::Tree& tree : where) {
        const parse::Filter& filter = tree.filter;
        if (tree.kind == parse::Tree::Kind::filter && !filter.negated &&
            filter.op == parse::Op::eq && filter.quantifier == parse::Quantifier::none &&
            filter.field.path.empty() && filter.field.column == column) {
            return &filter;
        }
    }
    return nullptr;
}

}  // namespace

std::string key_of(const KeyParts& parts) {
    const parse::Request& request = parts.request;
    KeyText key;
    key.add(parts.role);
    key.add(request.schema);
    key.add(request.relation);
    key.add(request.query.canonical);
    key.add_number(request.window.offset);
    key.add_number(request.window.limit);
    key.add_number(static_cast<std::int64_t>(parts.media));
    key.add_number(parts.max_rows);
    key.add(request.profile_given ? "p" : "");
    key.add(parse::preference_applied(request, false, false));
    key.add(request.prefer.timezone.value_or(""));
    key.add_number(request.prefer.count
                       ? std::optional{static_cast<std::int64_t>(*request.prefer.count)}
                       : std::nullopt);
    if (parts.relation.reads_claims) add_claims(key, parts.claims_json, parts.cache_claims);
    return key.take();
}

std::string_view why_not_cacheable(const parse::Request& request,
                                   const schema::Relation& relation) {
    if (relation.cacheability == schema::Cacheability::no) return relation.why_not_cacheable;
    const bool clock = std::ranges::any_of(
        request.query.where, [&](const parse::Tree& tree) { return reads_clock(tree, relation); });
    if (clock) return "a filter's value depends on the time of day";
    using Count = parse::Preferences::Count;
    const std::optional<Count>& count = request.prefer.count;
    if (count == Count::planned || count == Count::estimated) {
        return "the planner's estimate changes when no row does";
    }
    if (!std::ranges::all_of(request.query.select, casts_plainly)) {
        return "a cast may depend on the time of day, or on more than the row";
    }
    return {};
}

std::optional<std::vector<std::string>> row_key_asked_for(const std::vector<parse::Tree>& where,
                                                          const schema::Relation& relation) {
    if (relation.row_key.empty()) return std::nullopt;
    std::vector<std::string> values;
    for (const std::size_t index : relation.row_key) {
        const schema::Column& column = relation.columns[index];
        const parse::Filter* const filter = equality_with(where, column.name);
        if (!filter) return std::nullopt;
        std::optional<std::string> value = canonical(column.key_type, filter->value);
        if (!value) return std::nullopt;
        values.push_back(std::move(*value));
    }
    return values;
}

std::vector<position::Dependency> dependencies_of(const parse::Request& request,
                                                  const schema::Relation& relation,
                                                  const position::Stamps& stamps) {
    const std::optional<std::vector<std::string>> row =
        row_key_asked_for(request.query.where, relation);
    std::vector<position::Dependency> dependencies;
    for (const std::uint32_t oid : relation.reads) {
        position::Dependency dependency{stamps.table(oid), std::nullopt};
        if (row && oid == relation.oid) {
            position::KeyHasher hasher;
            for (const std::string& value : *row) hasher.add(value);
            dependency.row = hasher.hash();
        }
        dependencies.push_back(std::move(dependency));
    }
    // Nothing known to depend on is no proof of constancy.
    if (dependencies.empty()) dependencies.emplace_back();
    return dependencies;
}

}  // namespace lintas::cache
