#pragma once
// The admin listener (CONTRACT.md section 4): what the daemon says of itself, and the two things it
// can be told. Never public.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accept/server.hpp"
#include "base/http_message.hpp"

namespace lintas::app {

enum class SourceState : std::uint8_t { up, down, lagging, quarantined };
std::string_view source_state_name(SourceState state);

struct SourceView {
    std::string name;
    std::string kind;  // "primary", "replica"…
    SourceState state = SourceState::down;
    std::string error{};                         // the last one, without secrets; empty: none
    std::string position{};                      // "1/16B3740": timeline/LSN; empty: not known
    std::optional<double> lag_seconds{};         // behind the primary at most; nullopt: not known
    std::optional<double> round_trip_seconds{};  // of the last probe
};

struct CacheView {
    std::string tier = "memory";
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
    std::uint64_t limit = 0;
    std::uint64_t evictions = 0;
};

struct FeedView {
    std::string role = "none";   // hub, subscriber
    std::string state = "none";  // live, lost
    std::string position{};      // W; empty: none yet
    std::optional<double> lag_seconds{};
    std::string slot{};
    std::string wal_status{};  // of the slot
    std::string hub{};         // whom a subscriber follows
    std::uint64_t tables = 0;
    std::uint64_t subscribers = 0;
    std::uint64_t ring_bytes = 0;
    std::vector<std::string> problems{};  // plain sentences
};

struct SchemaView {
    bool loaded = false;
    std::int64_t relations = 0;
    std::string last_error{};  // of the newest attempt; empty: it went well
    std::optional<std::chrono::system_clock::time_point> loaded_at{};
};

/// The connections of a pool in all threads together.
struct PoolTotals {
    std::string name;
    std::int64_t limit = 0;
    std::int64_t idle = 0;
    std::int64_t busy = 0;
    std::int64_t connecting = 0;
    std::int64_t waiting = 0;  // requests that have no connection yet
};

struct Problem {
    std::string part;     // "database", "schema"
    std::string problem;  // one sentence, without secrets
};

/// Everything the admin listener knows, taken at one moment.
struct DaemonState {
    std::string role = "primary";
    std::string site{};
    std::string version{};
    std::chrono::system_clock::time_point started{};
    std::chrono::seconds uptime{0};
    std::vector<SourceView> sources{};
    SchemaView schema{};
    std::vector<PoolTotals> pools{};
    std::vector<CacheView> caches{};
    FeedView feed{};
    std::int64_t connections = 0;
    std::int64_t in_flight = 0;
    bool draining = false;
    bool degraded = false;            // it serves, but not from everything it should
    std::vector<Problem> problems{};  // why it is not ready; draining need not be among them
};

struct AdminHooks {
    std::function<DaemonState()> state;
    std::function<std::string()> metrics;  // Prometheus text format 0.0.4
    std::function<void()> reload;          // as SIGHUP; what came of it is in the log
    std::function<void()> drain;           // as SIGTERM, but the process stays; may be called again
};

/// 200, or 503 with one line of JSON for each part that fails. A daemon that drains is not ready.
Reply reply_to_ready(const DaemonState& state);

/// 200 with the whole state as one JSON object.
Reply reply_to_status(const DaemonState& state);

/// The answer to any request on the admin listener. HEAD is answered as GET; the session leaves the
/// body out. A POST with an Origin is refused with 403: it is a web page's, which has no business
/// here.
Reply answer_admin(const RawRequest& raw, const AdminHooks& hooks);

/// Thread: that of the admin listener's loop, which is where the hooks are called.
class AdminHandler final : public accept::Handler {
 public:
    explicit AdminHandler(AdminHooks hooks) : hooks_(std::move(hooks)) {}

    Task<Reply> handle(const RawRequest& raw, Deadline deadline) override;
    Reply refuse(const Error& error) override;

 private:
    AdminHooks hooks_;
};

}  // namespace lintas::app
