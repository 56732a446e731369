// What the admin listener says of the daemon, gathered from its parts.
#include "app/app.hpp"

namespace lintas::app {

namespace {

struct Pools {
    PoolTotals totals{.name = "primary"};
    std::string problem{};
    bool up = false;
};

Pools add_up(const std::vector<std::unique_ptr<Worker>>& workers) {
    Pools all;
    for (const std::unique_ptr<Worker>& worker : workers) {
        const postgres::PoolState pool = worker->pool_state();
        all.totals.limit += static_cast<std::int64_t>(pool.size);
        all.totals.idle += static_cast<std::int64_t>(pool.idle);
        all.totals.busy += static_cast<std::int64_t>(pool.busy);
        all.totals.connecting += static_cast<std::int64_t>(pool.connecting);
        all.totals.waiting += static_cast<std::int64_t>(pool.waiting);
        all.up = all.up || pool.up();
        if (!pool.problem.empty()) all.problem = obs::mask_url(pool.problem);
    }
    return all;
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
    state.sources.push_back({.name = "primary",
                             .kind = "primary",
                             .state = pools.up ? SourceState::up : SourceState::down,
                             .error = pools.problem});
    state.pools.push_back(pools.totals);

    const schema::Snapshot catalogue = catalogue_.holder().current();
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

}  // namespace lintas::app
