// What the admin listener says of the daemon, gathered from its parts.
#include "app/app.hpp"

namespace lintas::app {

namespace {

struct Pools {
    PoolTotals totals{.name = "primary"};
    std::string problem{};
    bool up = false;
};

void add(PoolTotals& totals, const postgres::PoolState& pool) {
    totals.limit += static_cast<std::int64_t>(pool.size);
    totals.idle += static_cast<std::int64_t>(pool.idle);
    totals.busy += static_cast<std::int64_t>(pool.busy);
    totals.connecting += static_cast<std::int64_t>(pool.connecting);
    totals.waiting += static_cast<std::int64_t>(pool.waiting);
}

Pools add_up(const std::vector<std::unique_ptr<Worker>>& workers) {
    Pools all;
    for (const std::unique_ptr<Worker>& worker : workers) {
        const postgres::PoolState pool = worker->pool_state();
        add(all.totals, pool);
        all.up = all.up || pool.up();
        if (!pool.problem.empty()) all.problem = obs::mask_url(pool.problem);
    }
    return all;
}

PoolTotals add_up_replica(const std::vector<std::unique_ptr<Worker>>& workers, std::size_t index,
                          const std::string& name) {
    PoolTotals totals{.name = name};
    for (const std::unique_ptr<Worker>& worker : workers) {
        const std::vector<postgres::PoolState> pools = worker->replica_pool_states();
        if (index < pools.size()) add(totals, pools[index]);
    }
    return totals;
}

double seconds_of(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double>(duration).count();
}

std::optional<double> seconds_of(const std::optional<std::chrono::nanoseconds>& duration) {
    if (!duration) return std::nullopt;
    return seconds_of(*duration);
}

std::string text_of(position::Position at) {
    if (!at.lsn) return {};
    return std::to_string(at.timeline) + "/" + position::to_text(at.lsn);
}

SourceState state_of(replica::State state) {
    switch (state) {
        case replica::State::up:
            return SourceState::up;
        case replica::State::lagging:
            return SourceState::lagging;
        case replica::State::quarantined:
            return SourceState::quarantined;
        case replica::State::down:
            break;
    }
    return SourceState::down;
}

FeedView view_of(const feed::FeedStatus& feed, position::Timeline timeline) {
    FeedView view;
    view.role = feed::label(feed.role);
    view.state = feed.state == position::FeedState::live   ? "live"
                 : feed.state == position::FeedState::lost ? "lost"
                                                           : "none";
    view.position = text_of({timeline, feed.watermark});
    view.lag_seconds = seconds_of(feed.lag);
    view.slot = feed.slot;
    view.wal_status = feed.wal_status;
    view.hub = feed.hub;
    view.tables = feed.tables;
    view.subscribers = feed.subscribers;
    view.ring_bytes = feed.ring_bytes;
    return view;
}

}  // namespace

DaemonState App::state() const {
    const Pools pools = add_up(workers_);
    DaemonState state;
    state.site = config_.site;
    state.version = LINTAS_VERSION;
    state.started = started_;
    state.uptime = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now() - started_);
    state.draining = draining_;
    const position::Progress& progress = site_.progress;
    const position::Timeline timeline = progress.lineage().get()->history.current();
    const feed::PulseStatus pulse = following_.pulse().status();
    state.sources.push_back(
        {.name = "primary",
         .kind = "primary",
         .state = pools.up ? SourceState::up : SourceState::down,
         .error = pools.problem.empty() ? obs::mask_url(pulse.problem) : pools.problem,
         .position = text_of({timeline, progress.written()})});
    state.pools.push_back(pools.totals);
    const std::vector<replica::Status> replicas = following_.replicas()->status(progress);
    for (std::size_t i = 0; i < replicas.size(); ++i) {
        const replica::Status& replica = replicas[i];
        state.sources.push_back({.name = replica.name,
                                 .kind = "replica",
                                 .state = state_of(replica.state),
                                 .error = obs::mask_url(replica.problem),
                                 .position = text_of(replica.replayed),
                                 .lag_seconds = seconds_of(replica.lag),
                                 .round_trip_seconds = seconds_of(replica.round_trip)});
        state.pools.push_back(add_up_replica(workers_, i, replica.name));
    }
    const cache::Memory::Stats memory = site_.memory.stats();
    state.caches.push_back({.tier = "memory",
                            .entries = memory.entries,
                            .bytes = memory.bytes,
                            .limit = memory.limit,
                            .evictions = memory.evictions});
    state.feed = view_of(following_.feed_status(), timeline);
    state.feed.problems = following_.feed_problems();

    const schema::Snapshot catalogue = catalogue_.holder().get();
    state.schema.loaded = catalogue != nullptr;
    state.schema.relations =
        catalogue ? static_cast<std::int64_t>(catalogue->relations().size()) : 0;
    state.schema.last_error = obs::mask_url(catalogue_.last_error());
    state.schema.loaded_at = catalogue_loaded_at_;

    for (const std::unique_ptr<Worker>& worker : workers_) {
        state.connections += static_cast<std::int64_t>(worker->connections());
        state.in_flight += static_cast<std::int64_t>(worker->in_flight());
    }
    if (!pools.up) {
        state.problems.push_back({"database", pools.problem.empty()
                                                  ? "no connection to the primary database yet"
                                                  : pools.problem});
    }
    if (!catalogue) {
        state.problems.push_back({"schema", state.schema.last_error.empty()
                                                ? "the schema has not been read yet"
                                                : state.schema.last_error});
    }
    state.degraded = catalogue && !state.schema.last_error.empty();
    return state;
}

obs::SiteFigures App::figures() const {
    obs::SiteFigures figures;
    for (const replica::Status& replica : following_.replicas()->status(site_.progress)) {
        figures.replicas.push_back(
            {replica.name, seconds_of(replica.lag), replica.replayed.lsn.value});
    }
    const cache::Memory::Stats memory = site_.memory.stats();
    figures.memory_bytes = memory.bytes;
    figures.memory_evictions = memory.evictions;
    figures.feed_lag_seconds = seconds_of(following_.feed_status().lag);
    figures.feed_position = site_.progress.watermark().value;
    figures.feed_stamps = site_.progress.stamps().count();
    figures.feed_breaks = site_.progress.breaks();
    return figures;
}

}  // namespace lintas::app
