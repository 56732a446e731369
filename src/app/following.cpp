#include "app/following.hpp"

#include <unistd.h>

#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "migrate/preflight.hpp"
#include "obs/mask.hpp"
#include "postgres/connection.hpp"

namespace lintas::app {

namespace {

constexpr std::chrono::seconds kPreflightAgain{10};
constexpr std::chrono::seconds kPreflightLimit{5};

postgres::ConnectOptions primary_options(const config::Config& config, std::string_view what) {
    const config::PrimaryDatabase& primary = config.database.primary;
    postgres::ConnectOptions options;
    options.url = primary.url;
    options.application_name = "lintas " + config.site + " " + std::string{what};
    options.through_pooler = primary.through_pooler;
    options.prepared = primary.prepared;
    return options;
}

/// The feed's own way to the primary, which never goes through a pooler.
postgres::ConnectOptions direct_options(const config::Config& config, std::string_view what) {
    postgres::ConnectOptions options = primary_options(config, what);
    if (!config.database.feed) return options;
    options.url = config.database.feed->url;
    options.through_pooler = false;
    options.prepared = true;
    return options;
}

std::string process_id() {
    std::array<char, 256> host{};
    if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
    return std::string{host.data()} + ":" + std::to_string(getpid());
}

feed::FeedOptions feed_options(const config::Config& config) {
    feed::FeedOptions options;
    options.connect = direct_options(config, "feed");
    if (config.database.feed) {
        options.publication = config.database.feed->publication;
        options.slot = config.database.feed->slot;
    }
    options.hub_id = config.site + ":" + process_id();
    if (config.listen.link) options.listen = config.listen.link->address;
    return options;
}

feed::PulseOptions pulse_options(const config::Config& config) {
    feed::PulseOptions options;
    options.connect = primary_options(config, "pulse");
    options.history = direct_options(config, "pulse");
    options.has_feed = config.database.feed.has_value();
    return options;
}

std::shared_ptr<replica::Replicas> replicas_of(const config::Config& config) {
    std::vector<replica::Replicas::Address> addresses;
    for (const config::Replica& replica : config.database.replicas) {
        addresses.push_back({replica.name, replica.url});
    }
    return std::make_shared<replica::Replicas>(addresses);
}

config::LogLevel level_of(std::string_view word) {
    if (word == "info") return config::LogLevel::info;
    return word == "warn" ? config::LogLevel::warn : config::LogLevel::error;
}

Task<void> run_monitor(std::shared_ptr<replica::Monitor> monitor) {
    co_await monitor->run();
}

}  // namespace

Following::Following(asio::io_context& io, TaskGroup& tasks, const config::Config& config,
                     Site& site, obs::Log& log, Hooks hooks)
    : io_(io),
      tasks_(tasks),
      config_(config),
      site_(site),
      log_(log),
      hooks_(std::move(hooks)),
      pulse_(io, pulse_options(config), site.progress,
             {.on_event =
                  [&log](std::string_view level, std::string_view text) {
                      log.limited(level_of(level), text, obs::mask_url(text));
                  }}),
      replicas_(replicas_of(config)) {
    if (!config.database.feed) return;
    feed_ = std::make_unique<feed::Feed>(
        io, feed_options(config), site.progress,
        feed::FeedHooks{.on_event =
                            [&log](std::string_view level, std::string_view text) {
                                log.limited(level_of(level), text, obs::mask_url(text));
                            },
                        .on_schema_change = [this] { hooks_.on_schema_change(); }});
}

Following::~Following() = default;

Result<void> Following::listen() {
    if (!feed_ || !config_.listen.link) return {};
    const Result<std::uint16_t> port = feed_->listen();
    if (!port) return fail(port.error());
    log_.info("listening for subscribers of the feed",
              {{"address", config_.listen.link->address}, {"port", *port}});
    return {};
}

void Following::start() {
    tasks_.spawn("pulse", pulse_.run());
    if (feed_) {
        tasks_.spawn("feed", follow_feed());
    } else {
        log_.info("no feed is configured: cached answers are kept for max_staleness at most",
                  {{"key", "database.feed"}});
    }
    watch_replicas();
}

void Following::watch_replicas() {
    if (replicas_->empty()) return;
    replica::MonitorOptions options;
    options.application_name = "lintas " + config_.site + " monitor";
    options.max_staleness = config_.consistency.max_staleness;
    auto monitor = std::make_shared<replica::Monitor>(
        io_, replicas_, options, site_.progress,
        replica::MonitorHooks{.on_event = [this](std::string_view level,
                                                 const replica::Replica& replica,
                                                 std::string_view text) {
            log_.limited(level_of(level), text, obs::mask_url(text), {{"replica", replica.name()}});
        }});
    watching_ = &tasks_.spawn("replicas", run_monitor(std::move(monitor)));
}

void Following::reconfigure(const config::Config& next) {
    const bool other_replicas = next.database.replicas != config_.database.replicas ||
                                next.consistency.max_staleness != config_.consistency.max_staleness;
    const bool other_primary = next.database.primary != config_.database.primary;
    const bool other_feed = next.database.feed != config_.database.feed;
    config_ = next;
    if (other_primary || other_feed) {
        pulse_.reconfigure(primary_options(next, "pulse"), direct_options(next, "pulse"));
    }
    if (other_feed && feed_ && next.database.feed) {
        feed_->reconfigure(direct_options(next, "feed"));
    }
    if (!other_replicas) return;
    if (watching_ != nullptr) watching_->emit(asio::cancellation_type::terminal);
    watching_ = nullptr;
    replicas_ = replicas_of(next);
    watch_replicas();
}

/// Runs the feed once nothing stands in its way.
Task<void> Following::follow_feed() {
    asio::steady_timer timer{io_};
    while (true) {
        const bool possible = co_await preflight();
        if (possible) break;
        timer.expires_after(kPreflightAgain);
        boost::system::error_code ec;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
        if (ec) co_return;
    }
    co_await feed_->run();
}

/// What cannot be found out now is left to the feed, which says so itself.
Task<bool> Following::preflight() {
    const config::Feed feed = config_.database.feed.value_or(config::Feed{});
    const Deadline deadline = Deadline::in(kPreflightLimit);
    const postgres::ConnectOptions options = direct_options(config_, "preflight");
    Result<std::unique_ptr<postgres::Connection>> opened =
        co_await postgres::Connection::open(io_, options, deadline);
    if (!opened) co_return true;
    std::vector<Statement> query =
        migrate::preflight_unit(config_.api.schemas, feed.publication, feed.slot);
    const Result<postgres::UnitResults> results =
        co_await (*opened)->run(std::move(query), deadline);
    if (!results || !(*results)[migrate::kPreflightAnswer]) co_return true;
    const postgres::Rows& rows = *(*results)[migrate::kPreflightAnswer];
    if (rows.rows() != 1) co_return true;
    const Result<migrate::PreflightFacts> facts =
        migrate::decode_preflight(rows.at(0, 0).value_or(""));
    if (!facts) co_return true;

    const std::vector<migrate::Finding> found =
        migrate::findings(*facts, feed.publication, feed.slot);
    const bool possible = migrate::may_feed(found);
    findings_.clear();
    for (const migrate::Finding& finding : found) {
        findings_.push_back(finding.sentence);
        const bool blocks = finding.severity == migrate::Severity::blocks_feed;
        log_.limited(blocks ? config::LogLevel::error : config::LogLevel::warn, finding.sentence,
                     finding.sentence, {{"remedy", finding.remedy}});
    }
    if (!possible) {
        log_.limited(config::LogLevel::warn, "no feed",
                     "there is no feed: cached answers are kept for max_staleness at most");
    }
    co_return possible;
}

feed::FeedStatus Following::feed_status() const {
    return feed_ ? feed_->status() : feed::FeedStatus{};
}

std::vector<std::string> Following::feed_problems() const {
    std::vector<std::string> problems = findings_;
    if (!feed_) {
        problems.emplace_back(
            "no feed is configured: cached answers are kept for max_staleness at most");
        return problems;
    }
    for (const std::string& problem : feed_->status().problems) {
        problems.push_back(obs::mask_url(problem));
    }
    return problems;
}

}  // namespace lintas::app
