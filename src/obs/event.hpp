#pragma once
// The facts of one request, stated once: the log line and the metrics (and later the span) are made
// of them.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "obs/trace.hpp"

namespace lintas::obs {

// The label values of CONTRACT.md section 6. A label is an enumerator, so no request can add a
// series.
enum class Method : std::uint8_t { get, head, post, patch, put, del, options, other };
enum class Route : std::uint8_t { table, rpc, root, queue, other };
enum class Source : std::uint8_t { memory, redis, replica, primary, link, none };
enum class Consistency : std::uint8_t { eventual, bounded, session, critical };
enum class QueryKind : std::uint8_t { read, write, catalogue };
/// What a cache said: `stale` served an older entry within the request's bound.
enum class CacheResult : std::uint8_t { hit, stale, miss, bypass, error };

inline constexpr std::size_t kMethods = 8;
inline constexpr std::size_t kRoutes = 5;
inline constexpr std::size_t kSources = 6;
inline constexpr std::size_t kConsistencies = 4;
inline constexpr std::size_t kQueryKinds = 3;
inline constexpr std::size_t kCacheResults = 5;

std::string_view label(Method method);
std::string_view label(Route route);
std::string_view label(Source source);
std::string_view label(Consistency consistency);
std::string_view label(QueryKind kind);
std::string_view label(CacheResult result);

/// "GET" → get; exact case, as HTTP methods are. Anything else is `other`.
Method method_from(std::string_view name);

/// The path of a request target: query strings hold row data and never reach a log.
std::string_view path_of(std::string_view target);

/// Views need to live only for the call that is given the event.
struct RequestEvent {
    Method method = Method::other;
    Route route = Route::other;
    int status = 0;
    Source source = Source::none;
    std::optional<Consistency> consistency{};  // of a read; nullopt: not a read
    std::string_view path{};                   // without the query string
    std::string_view schema{};                 // empty: the request did not get that far
    std::string_view relation{};               // or the function's name
    std::string_view database_role{};          // the role the statements ran as
    std::string_view error_code{};             // "PGRST205", "23505", "LNT002"; empty: no error
    std::string_view peer{};
    std::string_view request_id{};
    const TraceContext* trace = nullptr;  // null: the request had none yet
    std::chrono::nanoseconds duration{};  // first byte of the request to the reply's last
    std::optional<QueryKind> query{};     // nullopt: the database was not asked
    std::chrono::nanoseconds
        database_time{};                  // waiting for the pool and the server; only with `query`
    std::size_t pool = 0;                 // which one was asked, as Metrics numbers them
    std::uint64_t response_bytes = 0;     // of the body
    std::optional<std::int64_t> rows{};   // returned or affected
    std::optional<CacheResult> memory{};  // of a read; nullopt: it did not get that far
    /// How far behind the primary the answer may be; nullopt: read on it, or no read.
    std::optional<std::chrono::nanoseconds> age{};
};

}  // namespace lintas::obs
