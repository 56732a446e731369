#include "app/app.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

#include "app/settings.hpp"
#include "config/reload.hpp"

namespace lintas::app {

namespace {

constexpr std::chrono::seconds kAfterAbort{2};  // for handlers that were cancelled to return
constexpr std::chrono::milliseconds kSchemaLook{200};
constexpr std::chrono::seconds kLoopsEnd{2};  // for what was closed to be taken apart

std::size_t thread_count(std::int64_t configured) {
    if (configured > 0) return static_cast<std::size_t>(configured);
    return std::max(1U, std::thread::hardware_concurrency());
}

obs::LogOptions log_options(const config::Config& config) {
    obs::LogOptions options;
    options.level = config.log.level;
    options.format = config.log.format;
    options.site = config.site;
    options.role = "primary";
    return options;
}

schema::ReloadOptions reload_options(const config::Config& config) {
    const config::PrimaryDatabase& database = config.database.primary;
    schema::ReloadOptions options;
    options.connect.url = database.url;
    options.connect.application_name = "lintas " + config.site + " catalogue";
    options.connect.prepared = database.prepared;
    options.connect.through_pooler = database.through_pooler;
    options.load.schemas = config.api.schemas;
    return options;
}

/// Every connection is a descriptor: take as many as the system allows. Secrets stay out of core
/// files and away from debuggers (prctl(2), PR_SET_DUMPABLE).
void prepare_process() {
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    std::signal(SIGPIPE, SIG_IGN);
}

Result<std::shared_ptr<accept::TlsContext>> tls_of(const config::Endpoint& endpoint) {
    if (!endpoint.tls) return std::shared_ptr<accept::TlsContext>{};
    return accept::make_server_context(endpoint.tls->cert, endpoint.tls->key);
}

std::string with_port(const std::string& address, std::uint16_t port) {
    return address.substr(0, address.rfind(':') + 1) + std::to_string(port);
}

}  // namespace

App::App(config::Config config, config::LoadInput input)
    : config_(std::move(config)),
      input_(std::move(input)),
      log_(log_options(config_)),
      metrics_({.version = LINTAS_VERSION, .role = "primary"}),
      tasks_(io_.get_executor(),
             [this](std::string_view task, std::string_view what) {
                 log_.error("bug: an exception ended a task", {{"task", task}, {"text", what}});
             }),
      site_(static_cast<std::size_t>(config_.cache.memory_size)),
      catalogue_(io_, reload_options(config_),
                 {.on_event =
                      [this](std::string_view level, std::string_view text) {
                          const auto severity = level == "info"   ? config::LogLevel::info
                                                : level == "warn" ? config::LogLevel::warn
                                                                  : config::LogLevel::error;
                          log_.limited(severity, text, text);
                      },
                  .on_config_reload = [this] { reload(); },
                  .epoch = [this] { return site_.progress.readable_schema_epoch(); },
                  .on_loaded = [this](const schema::Snapshot&) { catalogue_loaded(); }}),
      following_(io_, tasks_, config_, site_, log_,
                 {.on_schema_change = [this] { catalogue_.request_reload(); }}),
      admin_handler_({.state = [this] { return state(); },
                      .metrics = [this] { return metrics_.text(figures()); },
                      .reload = [this] { reload(); },
                      .drain = [this] { drain(); }}) {}

App::~App() = default;

int App::run() {
    prepare_process();
    const Result<void> opened = open();
    if (!opened) {
        log_.error(opened.error().message);
        return kExitFailed;
    }
    start();
    io_.run();
    for (std::thread& thread : threads_) thread.join();
    return exit_status_;
}

Result<void> App::open() {
    const Result<void> workers = open_workers();
    if (!workers) return workers;
    const Result<void> link = following_.listen();
    if (!link) return link;
    return open_admin();
}

Result<void> App::open_workers() {
    Result<std::shared_ptr<accept::TlsContext>> tls = tls_of(config_.listen.public_);
    if (!tls) return fail(tls.error());
    const std::size_t threads = thread_count(config_.threads);
    const auto open_connections = std::make_shared<std::atomic<std::size_t>>(0);
    std::string address = config_.listen.public_.address;
    for (std::size_t index = 0; index < threads; ++index) {
        Result<std::shared_ptr<Settings>> settings = make_settings(config_);
        if (!settings) return fail(settings.error());
        WorkerOptions options{
            .index = index, .threads = threads, .open_connections = open_connections, .tls = *tls};
        workers_.push_back(std::make_unique<Worker>(std::move(options), std::move(*settings),
                                                    following_.replicas(),
                                                    Surroundings{.catalogue = catalogue_.holder(),
                                                                 .site = site_,
                                                                 .pulse = following_.pulse(),
                                                                 .log = log_,
                                                                 .metrics = metrics_}));
        const Result<std::uint16_t> port = workers_.back()->listen(address);
        if (!port) return fail(port.error());
        public_port_ = *port;
        address = with_port(address, *port);  // port 0: the others share what the first was given
    }
    return {};
}

Result<void> App::open_admin() {
    Result<std::shared_ptr<accept::TlsContext>> tls = tls_of(config_.listen.admin);
    if (!tls) return fail(tls.error());
    accept::ServerOptions options;
    options.limits.connections = 256;
    options.tls = *tls;
    admin_ = std::make_unique<accept::Server>(io_, admin_handler_, std::move(options));
    const Result<std::uint16_t> port = admin_->listen(config_.listen.admin.address);
    if (!port) return fail(port.error());
    admin_port_ = *port;
    return {};
}

void App::start() {
    for (const std::unique_ptr<Worker>& worker : workers_) {
        asio::post(worker->io(), [raw = worker.get()] { raw->start(); });
        threads_.emplace_back([raw = worker.get()] { raw->run(); });
    }
    following_.start();
    tasks_.spawn("catalogue", catalogue_.run());
    tasks_.spawn("signals", on_signals());
    tasks_.spawn("schema", keep_schema_current());
    tasks_.spawn("watchdog", watchdog());
    log_.info("listening", {{"public", with_port(config_.listen.public_.address, public_port_)},
                            {"admin", with_port(config_.listen.admin.address, admin_port_)},
                            {"threads", workers_.size()},
                            {"version", LINTAS_VERSION}});
    systemd_.ready("serving on port " + std::to_string(public_port_));
}

Task<void> App::on_signals() {
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
        boost::system::error_code ignored;
        signals_.add(number, ignored);
    }
    while (!stopping_) {
        boost::system::error_code ec;
        const int number =
            co_await signals_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
        if (ec) co_return;
        if (number == SIGHUP) {
            reload();
            continue;
        }
        stopping_ = true;
        log_.info("stopping", {{"signal", number == SIGTERM ? "SIGTERM" : "SIGINT"}});
        co_await stop();
    }
}

// ---- reload ----

void App::reload() {
    systemd_.reloading();
    config::Problems problems;
    config::Config next = config::load_config(input_, problems);
    const bool taken = problems.empty() && take_over(std::move(next));
    for (const std::string& problem : problems.lines()) {
        log_.error("configuration is not valid, the old one stays", {{"problem", problem}});
    }
    if (taken) log_.info("configuration reloaded");
    catalogue_.request_reload();
    systemd_.ready("serving on port " + std::to_string(public_port_));
}

/// All of it or nothing: what can fail comes first.
bool App::take_over(config::Config next) {
    const std::vector<std::string> restart = config::needs_restart(config_, next);
    for (const std::string& key : restart) {
        log_.warn("a changed key takes effect at the next start", {{"key", key}});
    }
    const Result<std::shared_ptr<accept::TlsContext>> tls = tls_of(config_.listen.public_);
    const Result<std::shared_ptr<accept::TlsContext>> admin_tls = tls_of(config_.listen.admin);
    for (const auto* context : {&tls, &admin_tls}) {
        if (*context) continue;
        log_.error("TLS material is not valid, the old one stays",
                   {{"problem", context->error().message}});
        return false;
    }
    // What was made under other limits or claims, with another key or from another database must
    // not be given to anybody.
    const bool others = next.api != config_.api || next.consistency != config_.consistency ||
                        next.database.primary.url != config_.database.primary.url;
    std::vector<std::shared_ptr<Settings>> settings;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        Result<std::shared_ptr<Settings>> made = make_settings(next);
        if (!made) {
            log_.error("configuration is not valid, the old one stays",
                       {{"problem", made.error().message}});
            return false;
        }
        (*made)->generation = generation_ + (others ? 1 : 0);
        settings.push_back(std::move(*made));
    }
    following_.reconfigure(next);
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        asio::post(workers_[i]->io(), [worker = workers_[i].get(), made = std::move(settings[i]),
                                       tls = *tls, replicas = following_.replicas()] {
            worker->apply(made, replicas);
            if (tls) worker->set_tls(tls);
        });
    }
    if (*admin_tls) admin_->set_tls(*admin_tls);
    site_.memory.resize(static_cast<std::size_t>(next.cache.memory_size));
    if (others) {
        ++generation_;
        site_.memory.clear();
    }
    log_.set_level(next.log.level);
    catalogue_.reconfigure(reload_options(next));
    // What takes effect at the next start stays as it was started.
    next.listen = config_.listen;
    next.threads = config_.threads;
    config_ = std::move(next);
    return true;
}

/// Sessions cache catalogue data, so every reload but the first retires the connections.
void App::catalogue_loaded() {
    const bool first = !catalogue_loaded_at_;
    catalogue_loaded_at_ = std::chrono::system_clock::now();
    if (first) return;
    for (const std::unique_ptr<Worker>& worker : workers_) {
        asio::post(worker->io(), [raw = worker.get()] { raw->recycle_connections(); });
    }
}

/// Until the catalogue is as new as the last change of the schema, what is cached cannot be known
/// to be fresh. A change may become visible only after it was told of, so one reload may not be
/// enough.
Task<void> App::keep_schema_current() {
    asio::steady_timer timer{io_};
    while (true) {
        timer.expires_after(kSchemaLook);
        boost::system::error_code ec;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
        if (ec) co_return;
        const schema::Snapshot catalogue = catalogue_.holder().get();
        const std::uint64_t epoch = site_.progress.readable_schema_epoch();
        if (catalogue && epoch != position::Progress::kNoEpoch && catalogue->epoch() != epoch) {
            catalogue_.request_reload();
        }
    }
}

// ---- drain and stop ----

void App::drain() {
    if (draining_) return;
    draining_ = true;
    log_.info("draining");
    for (const std::unique_ptr<Worker>& worker : workers_) {
        asio::post(worker->io(), [raw = worker.get()] { raw->stop_accepting(); });
    }
}

Task<bool> App::all_drained(Deadline deadline) {
    bool all = true;
    for (const std::unique_ptr<Worker>& worker : workers_) {
        const bool drained =
            co_await asio::co_spawn(worker->io(), worker->drained(deadline), asio::use_awaitable);
        all = all && drained;
    }
    co_return all;
}

Task<void> App::stop() {
    systemd_.stopping();
    drain();
    const bool drained = co_await all_drained(Deadline::in(config_.limits.drain));
    if (!drained) {
        std::size_t running = 0;
        for (const std::unique_ptr<Worker>& worker : workers_) running += worker->in_flight();
        log_.error("the drain limit has passed, requests were cancelled", {{"requests", running}});
        exit_status_ = kExitCutOff;
        for (const std::unique_ptr<Worker>& worker : workers_) {
            asio::post(worker->io(), [raw = worker.get()] { raw->abort(); });
        }
        co_await all_drained(Deadline::in(kAfterAbort));
    }
    close_all();
    co_await loops_have_ended();
}

/// systemd restarts a daemon whose control loop has stopped turning.
Task<void> App::watchdog() {
    const auto interval = systemd_.watchdog_interval();
    if (!interval) co_return;
    asio::steady_timer timer{io_};
    while (true) {
        systemd_.watchdog();
        timer.expires_after(*interval);
        boost::system::error_code ec;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
        if (ec) co_return;
    }
}

void App::close_all() {
    for (const std::unique_ptr<Worker>& worker : workers_) {
        asio::post(worker->io(), [raw = worker.get()] { raw->finish(); });
    }
    admin_->stop_accepting();
    admin_->abort();
}

/// A loop that does not run out of work has lost track of something; the process ends all the same.
Task<void> App::loops_have_ended() {
    const Deadline limit = Deadline::in(kLoopsEnd);
    asio::steady_timer timer{io_};
    for (const std::unique_ptr<Worker>& worker : workers_) {
        while (!worker->io().stopped() && !limit.passed()) {
            timer.expires_after(std::chrono::milliseconds{5});
            boost::system::error_code ignored;
            co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        }
        if (worker->io().stopped()) continue;
        log_.error("bug: a thread still had work after everything was closed");
        worker->io().stop();
    }
    log_.info("stopped");
    tasks_.cancel(asio::cancellation_type::terminal);  // ours too: nothing may be awaited after it
}

}  // namespace lintas::app
