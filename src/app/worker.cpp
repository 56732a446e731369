#include "app/worker.hpp"

#include <algorithm>

#include "obs/mask.hpp"
#include "primary/database.hpp"

namespace lintas::app {

namespace {

constexpr std::chrono::milliseconds kPublish{250};
constexpr std::size_t kPoolInMetrics = 0;  // obs::MetricsOptions::pools[0] is "primary"

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
               const schema::Holder& catalogue, obs::Log& log, obs::ThreadMetrics& metrics)
    : options_(std::move(options)),
      log_(log),
      metrics_(metrics),
      observer_(log, metrics),
      services_{std::move(settings), nullptr, schema::CachedSnapshot{catalogue}},
      handler_(services_, observer_),
      server_(io_, handler_, server_options(options_, services_.settings->config.limits, log)) {
    services_.settings->in_flight_limit =
        share(services_.settings->config.limits.in_flight, options_.threads);
    services_.primary = open_primary(services_.settings->config);
}

Worker::~Worker() = default;

void Worker::run() {
    io_.run();
}

void Worker::start() {
    services_.primary->pool.start();
    publish();
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
    pool.refuse = primary::refuse_standby;
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
    return std::make_shared<PrimaryBackend>(io_, std::move(pool), queue_limit, std::move(report));
}

void Worker::apply(std::shared_ptr<Settings> settings) {
    if (finished_) return;  // a pool opened now would never be closed
    settings->in_flight_limit = share(settings->config.limits.in_flight, options_.threads);
    const bool same_database = settings->config.database == services_.settings->config.database &&
                               settings->config.limits == services_.settings->config.limits;
    services_.settings = std::move(settings);
    server_.set_limits(server_limits(services_.settings->config.limits));
    if (same_database) return;
    services_.primary->pool.retire();  // running requests keep it
    services_.primary = open_primary(services_.settings->config);
    services_.primary->pool.start();
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
    services_.primary->pool.close();
    work_.reset();
}

postgres::PoolState Worker::pool_state() const {
    const std::lock_guard lock{pool_mutex_};
    return pool_state_;
}

void Worker::publish() {
    const postgres::PoolState state = services_.primary->pool.state();
    metrics_.pool_connections(kPoolInMetrics, obs::PoolState::idle,
                              static_cast<std::int64_t>(state.idle));
    metrics_.pool_connections(kPoolInMetrics, obs::PoolState::busy,
                              static_cast<std::int64_t>(state.busy));
    metrics_.pool_connections(kPoolInMetrics, obs::PoolState::connecting,
                              static_cast<std::int64_t>(state.connecting));
    {
        const std::lock_guard lock{pool_mutex_};
        pool_state_ = state;
    }
    publish_timer_.expires_after(kPublish);
    publish_timer_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec && !finished_) publish();  // it may have expired already when it is cancelled
    });
}

}  // namespace lintas::app
