#include "app/worker.hpp"

#include <algorithm>

#include "obs/mask.hpp"
#include "primary/database.hpp"

namespace lintas::app {

namespace {

constexpr std::chrono::milliseconds kPublish{250};
constexpr std::size_t kPoolInMetrics = 0;  // obs::Metrics::pool("primary")

std::size_t share(std::int64_t whole, std::size_t threads) {
    const auto of = static_cast<std::size_t>(whole);
    return std::max<std::size_t>(1, (of + threads - 1) / threads);
}

accept::ServerLimits server_limits(const config::Limits& limits) {
    accept::ServerLimits out;
    out.connections = static_cast<std::size_t>(limits.connections);
    out.header_bytes = static_cast<std::size_t>(limits.header_bytes);
    out.target_bytes = static_cast<std::size_t>(limits.target_bytes);
    out.body_bytes = static_cast<std::size_t>(limits.body_bytes);
    out.request_timeout = limits.request_timeout;
    out.header_timeout = limits.header_timeout;
    out.body_timeout = limits.body_timeout;
    out.idle_timeout = limits.idle_timeout;
    return out;
}

accept::ServerOptions server_options(const WorkerOptions& options, const config::Limits& limits,
                                     obs::Log& log) {
    accept::ServerOptions out;
    out.limits = server_limits(limits);
    out.open_connections = options.open_connections;
    out.tls = options.tls;
    out.on_leak = [&log](std::string_view task, std::string_view what) {
        log.limited(config::LogLevel::error, "leak", "bug: an exception cost a connection",
                    {{"task", task}, {"text", what}});
    };
    return out;
}

}  // namespace

Worker::Worker(WorkerOptions options, std::shared_ptr<Settings> settings,
               std::shared_ptr<replica::Replicas> replicas, Surroundings around)
    : options_(std::move(options)),
      around_(around),
      log_(around.log),
      metrics_(around.metrics.add_thread()),
      observer_(log_, metrics_),
      background_(io_.get_executor(),
                  [this](std::string_view task, std::string_view what) {
                      log_.limited(config::LogLevel::error, "leak",
                                   "bug: an exception ended a task",
                                   {{"task", task}, {"text", what}});
                  }),
      fills_(io_.get_executor(), around.site.memory, around.site.progress),
      services_{.settings = std::move(settings),
                .primary = nullptr,
                .replicas = nullptr,
                .catalogue = schema::CachedSnapshot{around.catalogue},
                .site = around.site,
                .lineage = PublishedView<position::Lineage>{around.site.progress.lineage()},
                .pulse = around.pulse,
                .fills = fills_,
                .replica_pools = {},
                .known = {},
                .lineage_judged = 0,
                .background = background_},
      handler_(services_, observer_),
      server_(io_, handler_, server_options(options_, services_.settings->config.limits, log_)) {
    const config::Config& config = services_.settings->config;
    services_.settings->in_flight_limit = share(config.limits.in_flight, options_.threads);
    services_.primary = open_primary(config);
    services_.replicas = open_replicas(config, std::move(replicas));
    number_pools();
}

Worker::~Worker() = default;

void Worker::run() {
    io_.run();
}

void Worker::start() {
    services_.primary->pool.start();
    services_.replicas->start();
    publish();
}

std::shared_ptr<replica::ReplicaSet> Worker::open_replicas(
    const config::Config& config, std::shared_ptr<replica::Replicas> replicas) {
    replica::SetOptions options;
    options.application_name = "lintas " + config.site;
    for (const config::Replica& replica : config.database.replicas) {
        options.pool_sizes.push_back(share(replica.pool, options_.threads));
    }
    options.waiting = share(config.limits.in_flight, options_.threads);
    options.statement_timeout = config.limits.request_timeout;
    options.connect_timeout = config.limits.request_timeout;
    auto report = [this](const std::string& name, bool up, const std::string& problem) {
        if (up) {
            log_.info("database connected", {{"pool", name}, {"thread", options_.index}});
        } else {
            log_.limited(config::LogLevel::warn, "connect " + name, "database cannot be reached",
                         {{"pool", name}, {"text", obs::mask_url(problem)}});
        }
    };
    return std::make_shared<replica::ReplicaSet>(io_, std::move(replicas), std::move(options),
                                                 std::move(report));
}

void Worker::number_pools() {
    services_.replica_pools.clear();
    for (std::size_t i = 0; i < services_.replicas->size(); ++i) {
        services_.replica_pools.push_back(around_.metrics.pool(services_.replicas->name(i)));
    }
}

void Worker::recycle_connections() {
    services_.primary->pool.recycle();
    services_.replicas->recycle();
}

std::shared_ptr<PrimaryBackend> Worker::open_primary(const config::Config& config) {
    const config::PrimaryDatabase& database = config.database.primary;
    postgres::PoolOptions pool;
    pool.connect.url = database.url;
    pool.connect.application_name = "lintas " + config.site;
    pool.connect.prepared = database.prepared;
    pool.connect.through_pooler = database.through_pooler;
    pool.connect.statement_timeout = config.limits.request_timeout;
    if (!database.through_pooler) pool.connect.identify = postgres::identify_session();
    const auto deposed = std::make_shared<bool*>(nullptr);
    pool.refuse = [this, deposed](const postgres::SessionIdentity& session) {
        std::string why = primary::refuse_standby(session);
        const bool old = is_deposed(session, *around_.site.progress.lineage().get());
        if (*deposed != nullptr) **deposed = old;
        if (old) why = "it is on a timeline that a failover ended: it is not the primary any more";
        return why;
    };
    pool.size = share(database.pool, options_.threads);
    pool.waiting = share(config.limits.in_flight, options_.threads);
    pool.connect_timeout = config.limits.request_timeout;
    const std::size_t queue_limit = pool.waiting;
    auto report = [this](bool up, const std::string& problem) {
        if (up) {
            log_.info("database connected", {{"pool", "primary"}, {"thread", options_.index}});
        } else {
            log_.limited(config::LogLevel::warn, "connect", "database cannot be reached",
                         {{"pool", "primary"}, {"text", obs::mask_url(problem)}});
        }
    };
    auto backend =
        std::make_shared<PrimaryBackend>(io_, std::move(pool), queue_limit, std::move(report));
    *deposed = &backend->deposed;
    return backend;
}

void Worker::apply(std::shared_ptr<Settings> settings,
                   std::shared_ptr<replica::Replicas> replicas) {
    if (finished_) return;  // a pool opened now would never be closed
    settings->in_flight_limit = share(settings->config.limits.in_flight, options_.threads);
    const bool same_database = settings->config.database == services_.settings->config.database &&
                               settings->config.limits == services_.settings->config.limits;
    const bool same_replicas =
        same_database && settings->config.consistency.max_staleness ==
                             services_.settings->config.consistency.max_staleness;
    services_.settings = std::move(settings);
    server_.set_limits(server_limits(services_.settings->config.limits));
    if (!same_database) {
        services_.primary->pool.retire();  // running requests keep it
        services_.primary = open_primary(services_.settings->config);
        services_.primary->pool.start();
    }
    if (same_replicas) return;
    services_.replicas->retire();
    services_.replicas = open_replicas(services_.settings->config, std::move(replicas));
    services_.replicas->start();
    number_pools();
}

void Worker::stop_accepting() {
    server_.stop_accepting();
    server_.drain();
}

Task<bool> Worker::drained(Deadline deadline) {
    co_return co_await server_.drained(deadline);
}

void Worker::finish() {
    finished_ = true;
    publish_timer_.cancel();
    background_.cancel(asio::cancellation_type::terminal);
    fills_.close();
    services_.primary->pool.close();
    services_.replicas->close();
    work_.reset();
}

postgres::PoolState Worker::pool_state() const {
    const std::lock_guard lock{pool_mutex_};
    return pool_state_;
}

std::vector<postgres::PoolState> Worker::replica_pool_states() const {
    const std::lock_guard lock{pool_mutex_};
    return replica_pool_states_;
}

void Worker::count(std::size_t pool, const postgres::PoolState& state) {
    metrics_.pool_connections(pool, obs::PoolState::idle, static_cast<std::int64_t>(state.idle));
    metrics_.pool_connections(pool, obs::PoolState::busy, static_cast<std::int64_t>(state.busy));
    metrics_.pool_connections(pool, obs::PoolState::connecting,
                              static_cast<std::int64_t>(state.connecting));
}

void Worker::publish() {
    services_.drop_deposed();
    const postgres::PoolState state = services_.primary->pool.state();
    count(kPoolInMetrics, state);
    std::vector<postgres::PoolState> replicas;
    for (std::size_t i = 0; i < services_.replicas->size(); ++i) {
        replicas.push_back(services_.replicas->pool_state(i));
        count(services_.replica_pools[i], replicas.back());
    }
    {
        const std::lock_guard lock{pool_mutex_};
        pool_state_ = state;
        replica_pool_states_ = std::move(replicas);
    }
    publish_timer_.expires_after(kPublish);
    publish_timer_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec && !finished_) publish();  // it may have expired already when it is cancelled
    });
}

}  // namespace lintas::app
