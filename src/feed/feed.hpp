#pragma once
// The change feed of one primary, as the rest of the daemon sees it: this process is either the hub
// that holds the logical slot or a subscriber of the process that does (POSITIONS section 5).

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/result.hpp"
#include "base/task.hpp"
#include "position/progress.hpp"
#include "postgres/connection.hpp"

namespace lintas::feed {

struct FeedOptions {
    postgres::ConnectOptions connect{};  // a direct connection: a pooler cannot replicate
    std::string publication = "lintas";
    std::string slot = "lintas";
    std::string hub_id;     // this process, unique among those of the primary: "host:pid"
    std::string listen{};   // of the link listener: "127.0.0.1:8443"; empty: nobody can subscribe
    std::string address{};  // where others reach it; empty: `listen` with the port that was bound
    std::size_t ring_bytes = std::size_t{64} << 20U;
    std::size_t subscribers = 64;            // at most; one more is answered 503
    std::size_t transaction_keys = 1 << 20;  // of one transaction; above, its tables are stamped
    std::chrono::milliseconds heartbeat_every{500};
    std::chrono::milliseconds connect_limit{5000};
    std::chrono::milliseconds slot_creation_limit{10000};  // it waits for older transactions
    std::chrono::milliseconds silence_limit{20000};        // without a byte: the connection is dead
    std::chrono::milliseconds first_retry{100};  // doubled after each failure, with jitter
    std::chrono::milliseconds retry_most{5000};
};

/// Called on the loop's thread; any may be empty.
struct FeedHooks {
    std::function<void(std::string_view level, std::string_view text)>
        on_event{};  // "info", "warn", "error"
    /// DDL was applied: the global floor is raised and W is beyond it.
    std::function<void()> on_schema_change{};
};

struct FeedStatus {
    enum class Role { none, hub, subscriber };
    Role role = Role::none;
    position::FeedState state = position::FeedState::none;
    position::Lsn watermark{};
    /// Age of the newest sample that W has passed; nullopt: none yet.
    std::optional<std::chrono::nanoseconds> lag{};
    std::string slot{};
    std::string hub{};                            // whom this process subscribes to
    std::string wal_status{};                     // of the slot: reserved, extended, unreserved
    std::optional<std::int64_t> safe_wal_size{};  // bytes until the slot may be lost; hub only
    std::vector<std::string> problems{};          // plain sentences
    std::size_t tables = 0;                       // that are followed
    std::size_t subscribers = 0;
    std::size_t ring_bytes = 0;
};
std::string_view label(FeedStatus::Role role);

class Feed {
 public:
    /// `io` is the loop that run() runs on; `progress` outlives the feed.
    Feed(asio::io_context& io, FeedOptions options, position::Progress& progress, FeedHooks hooks);
    ~Feed();
    Feed(const Feed&) = delete;
    Feed& operator=(const Feed&) = delete;

    /// Binds the link listener, before run(). Returns the port (the kernel's choice for port 0), 0
    /// without FeedOptions::listen. Errors: internal, with the reason.
    Result<std::uint16_t> listen();

    /// Holds or follows the feed for ever, whatever breaks. Cancel: terminal; returns normally, all
    /// connections closed.
    Task<void> run();

    /// Connects anew with these. Thread: the loop's.
    void reconfigure(postgres::ConnectOptions connect);

    /// Thread: the loop's.
    FeedStatus status() const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace lintas::feed
