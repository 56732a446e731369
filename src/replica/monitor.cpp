#include "replica/monitor.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <vector>

#include "base/task_group.hpp"
#include "postgres/backoff.hpp"
#include "postgres/connect.hpp"
#include "postgres/replication.hpp"

#include "base/cancellation.hpp"

namespace lintas::replica {

namespace {

using position::Lsn;
using postgres::Rows;

constexpr std::chrono::milliseconds kFirstRetry{100};
constexpr std::chrono::milliseconds kRetryMost{2000};
constexpr std::chrono::milliseconds kLowerBoundEvery{1000};  // reads a file at the server

constexpr const char* kPosition = "SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn()";
// Of the last restart point: behind a promotion for minutes, so it can only understate. Positions
// on the new timeline are then not believed to be covered: slower, never wrong.
constexpr const char* kLowerBound = "SELECT timeline_id FROM pg_control_checkpoint()";

std::string text_of(const Error& error) {
    std::string text = error.details.empty() ? error.message : error.details;
    std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\t'; }, ' ');
    return text;
}

/// May this replica's timeline be newer than it was when it was last asked for? Only then does the
/// answer to a position beyond its end mean that the replica is lost.
bool beyond(const position::History& history, position::Position at) {
    return at.timeline != history.current() && !history.contains(at);
}

}  // namespace

Judgement judge(const Finding& finding, const position::Lineage& lineage,
                std::chrono::milliseconds max_staleness) {
    const position::History& history = lineage.history;
    const position::Timeline timeline = finding.instance.timeline;
    const position::Timeline current = history.current();
    const std::uint64_t system_id = finding.instance.session.system_id;
    if (!finding.in_recovery) {
        return {State::down, "it was promoted: it is not a replica any more"};
    }
    if (lineage.system_id != 0 && system_id != lineage.system_id) {
        return {State::quarantined, "it belongs to another database cluster (system identifier " +
                                        std::to_string(system_id) + ", the primary's is " +
                                        std::to_string(lineage.system_id) + ")"};
    }
    if (current != 0 && timeline > current) {
        return {State::down, "it is on timeline " + std::to_string(timeline) +
                                 ", the primary that is known here on timeline " +
                                 std::to_string(current) + ": that one may be deposed"};
    }
    if (current != 0 && timeline < current) {
        const std::optional<Lsn> end = history.valid_to(timeline);
        const bool lost = end ? finding.replayed > *end : !history.ancestors().empty();
        if (lost) {
            const std::string what = "it has replayed " + to_text(finding.replayed) +
                                     " of timeline " + std::to_string(timeline) +
                                     (end ? ", which the primary left at " + to_text(*end)
                                          : std::string{", which is not in the primary's history"});
            return {State::quarantined,
                    what + (finding.timeline_exact
                                ? ": it serves commits that a failover dropped and can never "
                                  "follow the primary; it has to be made anew (pg_rewind or a "
                                  "base backup)"
                                : ", as far as its last checkpoint tells: its role has no "
                                  "REPLICATION attribute, or no WAL sender is free")};
        }
        if (!end) {
            return {State::lagging, "it cannot be told whether it follows the primary's timeline " +
                                        std::to_string(current)};
        }
    }
    if (finding.lag && *finding.lag > max_staleness) {
        return {State::lagging, "it is further behind than consistency.max_staleness"};
    }
    return {State::up, {}};
}

struct Monitor::Shared : std::enable_shared_from_this<Shared> {
    Shared(asio::io_context& i, std::shared_ptr<Replicas> r, MonitorOptions o,
           const position::Progress& p, MonitorHooks h)
        : io(i), replicas(std::move(r)), options(std::move(o)), progress(p), hooks(std::move(h)) {}

    void set_state(Replica& replica, Judgement judgement) const {
        const State before = replica.state();
        const std::string problem = judgement.problem;
        if (!replica.set_state(judgement.state, std::move(judgement.problem))) return;
        if (replica.state() == before) return;
        replicas->tell_listeners();
        if (!hooks.on_event) return;
        const bool up = judgement.state == State::up;
        const std::string text =
            "the replica is " + std::string{to_text(judgement.state)} + (up ? "" : ": ") + problem;
        hooks.on_event(up ? "info" : "warn", replica, text);
    }

    asio::io_context& io;
    std::shared_ptr<Replicas> replicas;
    MonitorOptions options;
    const position::Progress& progress;
    MonitorHooks hooks;
    std::vector<asio::steady_timer*> sleepers;  // of the probes, on this loop
};

/// One replica's. One connection for everything, so that all of it is of one instance.
struct Monitor::Probe {
    Probe(std::shared_ptr<Shared> s, Replica& r)
        : shared(std::move(s)), replica(r), timer(shared->io) {
        shared->sleepers.push_back(&timer);
    }
    ~Probe() { std::erase(shared->sleepers, &timer); }
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;

    Task<void> run() {
        postgres::Backoff backoff{kFirstRetry, kRetryMost};
        while (true) {
            const Result<void> ended = co_await session(backoff);
            const bool cancelled = co_await is_cancelled();
            if (cancelled) co_return;
            shared->set_state(replica, {State::down, text_of(ended.error())});
            // A hurry must not turn the backoff into a storm of connections.
            const Clock::time_point again = Clock::now() + backoff.next();
            while (Clock::now() < again) {
                co_await sleep_until(again);
                const bool stopped = co_await is_cancelled();
                if (stopped) co_return;
            }
        }
    }

    /// From connecting to the end of that connection; never succeeds.
    Task<Result<void>> session(postgres::Backoff& backoff) {
        const Result<void> opened = co_await open();
        if (!opened) co_return opened;
        Finding finding;
        const std::string who = postgres::identify_session().text;
        const Result<Rows> said = co_await ask(who);
        if (!said) co_return fail(said.error());
        std::optional<postgres::SessionIdentity> identity = postgres::session_identity_from(*said);
        if (!identity) co_return fail(Errc::connect_failed, "it does not say which server it is");
        finding.instance.session = std::move(*identity);
        finding.timeline_exact = walsender;

        std::chrono::nanoseconds round_trip{0};
        Clock::time_point timeline_asked{};
        while (true) {
            const Clock::time_point asked = Clock::now();
            const Result<void> positioned = co_await ask_position(finding);
            if (!positioned) co_return positioned;
            const std::chrono::nanoseconds took = Clock::now() - asked;
            round_trip = round_trip.count() == 0 ? took : (round_trip * 7 + took) / 8;

            const std::shared_ptr<const position::Lineage> lineage =
                shared->progress.lineage().get();
            const position::Lineage known = lineage ? *lineage : position::Lineage{};
            const Clock::duration every =
                walsender ? shared->options.every : Clock::duration{kLowerBoundEvery};
            const position::Position at{finding.instance.timeline, finding.replayed};
            // Behind the position, never before it: else a replica that has just followed a
            // promotion would look as if it had gone beyond the old timeline's end.
            if (asked - timeline_asked >= every || (walsender && beyond(known.history, at))) {
                const Result<void> identified = co_await ask_timeline(finding);
                if (!identified) co_return identified;
                timeline_asked = asked;
            }
            finding.lag = lag_of(shared->progress.samples(), known.history,
                                 {finding.instance.timeline, finding.replayed}, Clock::now());
            replica.found(finding.instance);
            replica.moved(finding.replayed, round_trip);
            shared->set_state(replica, judge(finding, known, shared->options.max_staleness));
            backoff.succeeded();

            const bool awaited = shared->replicas->awaited();
            if (awaited) shared->replicas->tell_listeners();
            co_await sleep_until(Clock::now() +
                                 (awaited ? shared->options.while_awaited : shared->options.every));
            // Hurries come from reads, and may be many.
            const Clock::time_point soonest = asked + shared->options.while_awaited;
            bool stopped = co_await is_cancelled();
            while (!stopped && Clock::now() < soonest) {
                co_await sleep_until(soonest);
                stopped = co_await is_cancelled();
            }
            if (stopped) co_return fail(Errc::cancelled, "cancelled");
        }
    }

    /// As a WAL sender if the role may be one and one is free: it alone knows the timeline.
    Task<Result<void>> open() {
        postgres::ConnectOptions options;
        options.url = replica.url();
        options.application_name = shared->options.application_name;
        options.statement_timeout = shared->options.answer_limit;
        for (const bool replication : {true, false}) {
            options.replication = replication;
            const Deadline deadline = Deadline::in(shared->options.connect_limit);
            Result<postgres::ConnectionHandle> opened =
                co_await postgres::connect(shared->io, options, deadline);
            if (opened) {
                connection = std::move(*opened);
                walsender = replication;
                co_return Result<void>{};
            }
            const bool cancelled = co_await is_cancelled();
            if (cancelled || !replication) co_return fail(opened.error());
        }
        co_return fail(Errc::internal, "not reached");
    }

    Task<Result<Rows>> ask(std::string text) {
        const Deadline deadline = Deadline::in(shared->options.answer_limit);
        co_return co_await postgres::simple_query(shared->io, connection.get(), std::move(text),
                                                  deadline);
    }

    Task<Result<void>> ask_position(Finding& finding) {
        const Result<Rows> rows = co_await ask(kPosition);
        if (!rows) co_return fail(rows.error());
        if (rows->rows() != 1 || rows->columns() != 2)
            co_return fail(Errc::internal, "its position did not come as one row");
        finding.in_recovery = rows->at(0, 0) == "t";
        finding.replayed = position::parse_lsn(rows->at(0, 1).value_or("")).value_or(Lsn{});
        co_return Result<void>{};
    }

    Task<Result<void>> ask_timeline(Finding& finding) {
        position::Timeline& timeline = finding.instance.timeline;
        if (walsender) {
            const Deadline deadline = Deadline::in(shared->options.answer_limit);
            const Result<postgres::SystemIdentity> identity =
                co_await postgres::identify_system(shared->io, connection.get(), deadline);
            if (!identity) co_return fail(identity.error());
            timeline = identity->timeline;
            co_return Result<void>{};
        }
        const Result<Rows> rows = co_await ask(kLowerBound);
        if (!rows) co_return fail(rows.error());
        const std::string_view text = rows->rows() == 1 ? rows->at(0, 0).value_or("") : "";
        position::Timeline found = 0;
        std::from_chars(text.data(), text.data() + text.size(), found);
        timeline = std::max(timeline, found);
        co_return Result<void>{};
    }

    /// Ends early when somebody is in a hurry.
    Task<void> sleep_until(Clock::time_point at) {
        timer.expires_at(at);
        boost::system::error_code ignored;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }

    static Task<void> watch(std::shared_ptr<Shared> shared, std::size_t index) {
        co_await asio::this_coro::throw_if_cancelled(false);
        Probe probe{shared, (*shared->replicas)[index]};
        co_await probe.run();
    }

    std::shared_ptr<Shared> shared;
    Replica& replica;
    asio::steady_timer timer;
    postgres::ConnectionHandle connection;
    bool walsender = false;
};

Monitor::Monitor(asio::io_context& io, std::shared_ptr<Replicas> replicas, MonitorOptions options,
                 const position::Progress& progress, MonitorHooks hooks)
    : shared_(std::make_shared<Shared>(io, std::move(replicas), std::move(options), progress,
                                       std::move(hooks))) {
    const std::weak_ptr<Shared> weak = shared_;
    shared_->replicas->set_monitor([weak, &io] {
        asio::post(io, [weak] {
            const std::shared_ptr<Shared> shared = weak.lock();
            if (!shared) return;
            for (asio::steady_timer* const timer : shared->sleepers) timer->cancel();
        });
    });
}

Monitor::~Monitor() {
    shared_->replicas->set_monitor({});
}

Task<void> Monitor::run() {
    co_await asio::this_coro::throw_if_cancelled(false);
    const std::shared_ptr<Shared> shared = shared_;
    TaskGroup probes{shared->io.get_executor()};
    for (std::size_t i = 0; i < shared->replicas->size(); ++i)
        probes.spawn("replica probe", Probe::watch(shared, i));
    co_await probes.join();
    probes.cancel(asio::cancellation_type::terminal);
    co_await asio::this_coro::reset_cancellation_state();
    co_await probes.join();
}

}  // namespace lintas::replica
