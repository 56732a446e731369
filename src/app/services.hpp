#pragma once
// What one thread needs to answer requests: built by Worker, read by handle_request().

#include <memory>
#include <string>

#include "app/known_requests.hpp"
#include "app/site.hpp"
#include "auth/authenticator.hpp"
#include "base/published.hpp"
#include "base/task_group.hpp"
#include "cache/fills.hpp"
#include "config/config.hpp"
#include "feed/pulse.hpp"
#include "obs/observer.hpp"
#include "parse/request.hpp"
#include "position/token.hpp"
#include "postgres/pool.hpp"
#include "postgres/shared_reads.hpp"
#include "primary/bracket.hpp"
#include "replica/replica_set.hpp"
#include "respond/reply.hpp"
#include "schema/holder.hpp"

namespace lintas::app {

/// The connections of one thread to the primary. A reload with another URL makes a new one;
/// requests that are running keep theirs.
struct PrimaryBackend {
    PrimaryBackend(asio::io_context& io, postgres::PoolOptions options, std::size_t queue_limit,
                   postgres::Pool::Report report)
        : pool(io, std::move(options), std::move(report)),
          reads(pool, queue_limit, primary::bracket(pool.options().connect.through_pooler)) {}
    postgres::Pool pool;
    postgres::SharedReads reads;
    bool deposed = false;  // the last server that was connected to is on an older timeline

    /// What cannot be connected to because it is deposed, is.
    Error explained(const Error& error) const {
        const bool unconnected =
            error.code == Errc::connect_failed || error.code == Errc::pool_timeout;
        if (!deposed || !unconnected) return error;
        return Error{Errc::deposed, "",
                     "the server at the primary's address is on a timeline that a failover ended"};
    }
};

/// What a reload of the configuration replaces as a whole. One per thread, because the
/// authenticator's cache of checked tokens belongs to its thread.
struct Settings {
    config::Config config;
    auth::Authenticator authenticator;
    parse::ParseOptions parse{};
    respond::ReplyOptions reply{};
    position::TokenCodec tokens{};
    std::size_t in_flight_limit = 4096;  // of this thread
    /// Another one after each change of what answers are made of or say of themselves: those of an
    /// older one, which may land late, are not served.
    std::uint64_t generation = 0;

    bool tx_override_allowed() const {
        return config.api.tx_end == config::TxEnd::commit_allow_override ||
               config.api.tx_end == config::TxEnd::rollback_allow_override;
    }
};

/// A failover has replaced it, or it is another cluster altogether.
bool is_deposed(const postgres::SessionIdentity& session, const position::Lineage& lineage);

struct Services {
    std::shared_ptr<Settings> settings;
    std::shared_ptr<PrimaryBackend> primary;
    std::shared_ptr<replica::ReplicaSet> replicas;
    schema::CachedSnapshot catalogue;
    Site& site;
    PublishedView<position::Lineage> lineage;
    feed::Pulse& pulse;
    cache::Fills& fills;
    std::vector<std::size_t> replica_pools;  // of each replica, as obs::Metrics numbers them
    KnownRequests known;
    std::uint64_t lineage_judged = 0;  // its version when the pool was last looked through
    TaskGroup& background;  // of this thread: what goes on when its request has been answered

    /// Once a newer timeline is known, whoever is on an older one was deposed, and what it says is
    /// void. Costs an atomic load while nothing has changed.
    void drop_deposed();
};

/// What became known of a request on its way, for the one RequestEvent that is made of it.
struct Facts {
    obs::Route route = obs::Route::other;
    obs::Source source = obs::Source::none;
    std::optional<obs::Consistency> consistency{};
    std::string schema{};
    std::string relation{};
    std::string role{};
    bool anonymous = true;
    std::optional<obs::QueryKind> query{};
    std::chrono::nanoseconds database_time{};
    std::optional<std::int64_t> rows{};
    std::optional<obs::CacheResult> memory{};
    std::optional<std::chrono::nanoseconds> age{};
    std::size_t pool = 0;  // that was asked last, as obs::Metrics numbers them
    std::optional<Error> error{};
};

}  // namespace lintas::app
