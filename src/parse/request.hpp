#pragma once
// What a client asks for in the REST dialect, after parsing and before anything of the database is
// known. DIALECT.md section 1 is the grammar; parse_request() fills this, sql/ turns it into
// statements.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/http_message.hpp"
#include "base/result.hpp"

namespace lintas::parse {

enum class Method { get, head, post, patch, put, del, options };

enum class PathKind { root, relation, rpc };

/// One step of a JSON path: `->key`, `->>key`, `->1`. A negative index counts from the end.
struct JsonStep {
    bool as_text = false;  // ->> rather than ->
    std::variant<std::string, std::int64_t> key;
    bool operator==(const JsonStep&) const = default;
};

struct Field {
    std::string column;
    std::vector<JsonStep> path{};
    bool operator==(const Field&) const = default;
};

/// `*` has star set and nothing else.
struct SelectItem {
    bool star = false;
    Field field{};
    std::optional<std::string> alias{};
    std::optional<std::string> cast{};  // only letters, digits, '_', ' ', '$' (DIALECT 1.2)
    bool operator==(const SelectItem&) const = default;
};

enum class Op {
    eq,
    neq,
    gt,
    gte,
    lt,
    lte,
    like,
    ilike,
    match,
    imatch,  // these ten take (any) and (all)
    in,
    is,
    isdistinct,
    cs,
    cd,
    ov,
    sl,
    sr,
    nxr,
    nxl,
    adj,
    fts,
    plfts,
    phfts,
    wfts,
};

enum class Quantifier { none, any, all };

enum class IsWord { null, not_null, is_true, is_false, unknown };

struct Filter {
    Field field{};
    bool negated = false;
    Op op = Op::eq;
    Quantifier quantifier = Quantifier::none;
    std::string value{};  // every op but `in` and `is`; for like/ilike still with its '*'
    std::vector<std::string> list{};          // Op::in; empty: the empty set
    IsWord is = IsWord::null;                 // Op::is
    std::optional<std::string> fts_config{};  // fts family: the text in parentheses
};

/// A node of a filter tree: a filter, or an and/or over at least one node.
struct Tree {
    enum class Kind { filter, all_of, any_of };
    Kind kind = Kind::filter;
    bool negated = false;  // of the and/or; a filter's own negation is in the filter
    Filter filter{};
    std::vector<Tree> children{};
};

struct OrderTerm {
    Field field{};
    enum class Direction { unsaid, asc, desc } direction = Direction::unsaid;
    enum class Nulls { unsaid, first, last } nulls = Nulls::unsaid;
};

/// A window of rows: skip `offset`, return at most `limit` (nullopt: all).
struct Window {
    std::int64_t offset = 0;
    std::optional<std::int64_t> limit{};
    bool everything() const { return offset == 0 && !limit; }
    bool operator==(const Window&) const = default;
};

/// The query string of one request. `select` empty: no column was named, that is all of them.
struct Query {
    std::vector<SelectItem> select{};
    std::vector<Tree> where{};  // ANDed, in the order they came
    std::vector<OrderTerm> order{};
    Window window{};            // limit and offset parameters alone
    bool window_given = false;  // a limit or offset parameter was there (PUT refuses it)
    bool has_logic = false;     // an and/or parameter was there (PUT refuses it)
    std::optional<std::vector<std::string>> columns{};
    std::optional<std::vector<std::string>> on_conflict{};
    std::string canonical{};  // parameters sorted by key (stable), re-encoded: Content-Location
};

struct Preferences {
    enum class Resolution { merge_duplicates, ignore_duplicates };
    enum class Missing { as_default, as_null };
    enum class Return { representation, minimal, headers_only };
    enum class Count { exact, planned, estimated };
    enum class Tx { commit, rollback };
    enum class Handling { strict, lenient };
    std::optional<Resolution> resolution{};
    std::optional<Missing> missing{};
    std::optional<Return> return_{};
    std::optional<Count> count{};
    std::optional<Tx> tx{};
    std::optional<Handling> handling{};
    std::optional<std::string> timezone{};
    std::optional<std::int64_t> max_affected{};
    std::vector<std::string> unrecognised{};  // in the order they came
    bool respond_async = false;  // recognised (never invalid under strict), used by a regional
};

/// What a representation is made of (DIALECT 1.7).
enum class Media { json, json_stripped, object, object_stripped, csv };

/// The media types of the Accept header, best first; what can be produced is decided by
/// negotiate().
struct Accept {
    std::vector<std::string> types{};  // lower-case type/subtype with parameters, without q
};

/// The body of a write as one JSON text, plus what the statement needs to know of it (DIALECT 1.8).
struct Payload {
    std::string json;         // bytes of the client for JSON; made by us for CSV and urlencoded
    bool is_object = false;   // first non-blank byte is '{'
    bool keys_known = false;  // false with `columns=`: the body was not parsed
    std::vector<std::string> keys{};  // of the first object, in its order; only if keys_known
    std::size_t rows = 0;             // only if keys_known
};

/// If-Match or If-None-Match (RFC 9110 sections 8.8.3, 13.1.1 and 13.1.2). Both empty: the field
/// was there and nothing can match it (If-Match with weak tags only).
struct EntityTags {
    bool any = false;                 // "*"
    std::vector<std::string> tags{};  // opaque parts with their quotes, without W/
};

/// `etag` is the header's value, W/ included; empty: there is no representation, which nothing
/// matches, "*" included.
bool matches_weakly(const EntityTags& wanted, std::string_view etag);
/// A weak `etag` matches only "*".
bool matches_strongly(const EntityTags& wanted, std::string_view etag);

/// lintas's own request headers (CONTRACT section 3), as far as this build understands them.
struct LintasHeaders {
    enum class Consistency { eventual, critical };
    std::optional<Consistency> consistency{};
    std::vector<std::string> positions{};  // Lintas-Position: tokens as sent, at most 16; all count
    std::optional<std::int64_t> max_age_s{};  // Cache-Control: max-age, clamped
    bool no_cache = false;
    bool no_store = false;
    bool only_if_cached = false;
    std::optional<EntityTags> if_match{};       // reads, PATCH, PUT and DELETE
    std::optional<EntityTags> if_none_match{};  // reads
};

struct Request {
    Method method = Method::get;
    PathKind path = PathKind::relation;
    std::string relation{};  // or the function's name; percent-decoded
    std::string schema{};
    bool profile_given = false;  // Content-Profile is echoed
    Query query{};
    Window window{};  // the effective one: limit and offset intersected with Range (GET only)
    Preferences prefer{};
    Accept accept{};
    std::optional<Payload> payload{};
    LintasHeaders lintas{};

    bool is_read() const { return method == Method::get || method == Method::head; }
};

struct ParseOptions {
    std::vector<std::string> schemas{};  // exposed ones, the first is the default
    std::size_t nesting = 32;
    std::size_t filters = 256;
};

/// Parses everything but the JWT and the body, in the order of DIALECT section 0, so the first
/// error is the one upstream reports. Pure; never throws on any input.
Result<Request> parse_request(const RawRequest& raw, const ParseOptions& options);

/// Parses the body of a POST, PATCH or PUT into request.payload (DIALECT 1.8); other methods have
/// none. Errors: bad_body, too_complex (nested deeper than max_depth), body_too_large (CSV as
/// JSON).
Result<void> parse_payload(const RawRequest& raw, Request& request, std::size_t max_depth);

/// The first media type of `accept` that can be produced. Errors: not_acceptable.
Result<Media> negotiate(const Accept& accept);

/// Refuses unrecognised preferences under handling=strict. The dialect does so only once the
/// request was planned, so this is for the caller to ask then. Errors: bad_preference.
Result<void> check_strict(const Preferences& prefer);

/// The Preference-Applied value in its fixed order; empty when nothing was applied (DIALECT 1.10).
/// `upsert_possible`: POST with a primary key or on_conflict; `tx_allowed`: api.tx_end allows
/// override.
std::string preference_applied(const Request& request, bool upsert_possible, bool tx_allowed);

/// The cookie that carries the position token where `consistency.cookie` is on; the first of that
/// name, without quotes around it. Whether it is a token is for its decoder to say. The view is
/// into `raw`.
inline constexpr std::string_view kPositionCookie = "lintas-position";
std::optional<std::string_view> position_cookie(const RawRequest& raw);

}  // namespace lintas::parse
