#include "feed/pulse.hpp"

#include <charconv>

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <deque>
#include <mutex>
#include <utility>

#include "feed/primary_look.hpp"
#include "feed/replication.hpp"
#include "feed/waiting.hpp"
#include "postgres/backoff.hpp"
#include "postgres/event.hpp"

namespace lintas::feed {

namespace {

using position::Lineage;

constexpr std::size_t kQuestionLimit = 65536;  // requests are limited before they come here
constexpr std::chrono::seconds kHistoryRetry{5};
constexpr std::chrono::milliseconds kPatience{700};  // a heartbeat of the feed's hub, and some more

// Local: a heartbeat must not wait for a synchronous standby, and must be flushed even if the role
// has synchronous_commit off. set_config and not SET, since nothing may outlive the transaction.
Statement local_commit() {
    return {"SELECT set_config('synchronous_commit', 'local', true)"};
}
Statement heartbeat() {
    return {"SELECT pg_logical_emit_message(true, 'lintas', 'heartbeat')"};
}

}  // namespace

std::string_view label(PrimaryState state) {
    switch (state) {
        case PrimaryState::unknown:
            return "unknown";
        case PrimaryState::up:
            return "up";
        case PrimaryState::down:
            return "down";
        case PrimaryState::in_recovery:
            return "in_recovery";
        case PrimaryState::deposed:
            return "deposed";
    }
    return "";
}

struct Pulse::Impl : std::enable_shared_from_this<Impl> {
    /// One ask_now(): answered on the executor that it came from.
    struct Question {
        explicit Question(asio::any_io_executor executor_)
            : executor(executor_), done(std::move(executor_)) {}
        asio::any_io_executor executor;
        postgres::Event done;
        Result<Look> answer = Look{};
    };

    Impl(asio::io_context& io_, PulseOptions options_, position::Progress& progress_,
         PulseHooks hooks_)
        : io(io_),
          options(std::move(options_)),
          progress(progress_),
          hooks(std::move(hooks_)),
          wake(io_),
          backoff(options.first_retry, options.retry_most) {}

    Task<void> run();
    Task<Result<void>> session();
    Task<Result<Look>> look(postgres::Connection& connection);
    Task<void> learn_history(const PrimaryLook& seen);
    Task<Result<void>> write_heartbeat(postgres::Connection& connection, position::Lsn flush);
    Task<Result<void>> write_boundary(postgres::Connection& connection);
    Task<Result<std::uint64_t>> write_message(postgres::Connection& connection);
    bool feed_stands_still(const Look& seen);

    void ask(std::shared_ptr<Question> question);
    void answer(std::vector<std::shared_ptr<Question>> asked, const Result<Look>& with);
    void event(std::string_view level, std::string_view text) const {
        if (hooks.on_event) hooks.on_event(level, text);
    }
    void became(PrimaryState next, std::string problem);

    asio::io_context& io;
    PulseOptions options;
    position::Progress& progress;
    const PulseHooks hooks;
    asio::steady_timer wake;  // one waiter: between two looks, or before a retry
    postgres::Backoff backoff;
    std::vector<std::shared_ptr<Question>> questions;  // that the next look answers
    bool running = false;
    bool reconfigured = false;
    bool history_missing = false;  // of a timeline above 1: the role may not replicate
    Clock::time_point history_again{};
    bool heartbeat_failed = false;
    position::Lsn awaited{};  // the feed should have shown soon that all up to there is visible
    Clock::time_point awaited_since{};

    std::atomic<PrimaryState> state{PrimaryState::unknown};
    std::atomic<std::int64_t> last_seen{0};  // 0: not yet
    mutable std::mutex problem_mutex;
    std::string problem;
};

void Pulse::Impl::became(PrimaryState next, std::string text) {
    const PrimaryState before = state.exchange(next, std::memory_order_relaxed);
    {
        const std::lock_guard lock{problem_mutex};
        problem.swap(text);
        if (problem == text && before == next) return;
    }
    if (next == PrimaryState::up) {
        if (before != PrimaryState::unknown) event("info", "The primary answers again.");
    } else {
        event(next == PrimaryState::deposed ? "error" : "warn", problem);
    }
}

void Pulse::Impl::ask(std::shared_ptr<Question> question) {
    if (!running || questions.size() >= kQuestionLimit) {
        const Error error = running ? Error{Errc::overloaded, "too many ask for the position"}
                                    : Error{Errc::cancelled, "cancelled"};
        return answer({std::move(question)}, fail(error));
    }
    questions.push_back(std::move(question));
    // A wait before a retry is not cut short: a server that is away would be met by every request.
    if (state.load(std::memory_order_relaxed) == PrimaryState::up) wake.cancel();
}

void Pulse::Impl::answer(std::vector<std::shared_ptr<Question>> asked, const Result<Look>& with) {
    for (std::shared_ptr<Question>& question : asked) {
        const asio::any_io_executor executor = question->executor;
        asio::post(executor, [question = std::move(question), with] {
            question->answer = with;
            question->done.set();
        });
    }
}

Task<void> Pulse::Impl::run() {
    co_await asio::this_coro::throw_if_cancelled(false);
    running = true;
    bool cancelled = false;
    while (!cancelled) {
        const Result<void> ended = co_await session();
        cancelled = co_await is_cancelled();
        const Error error =
            cancelled ? Error{Errc::cancelled, "cancelled"}
                      : (ended ? Error{Errc::connection_lost, "connecting anew"} : ended.error());
        answer(std::exchange(questions, {}), fail(error));
        if (cancelled) break;
        if (ended) continue;
        if (error.code != Errc::deposed) {
            became(PrimaryState::down,
                   fmt::format("The primary does not answer: {}.", text_of(error)));
        }
        const Clock::time_point retry = Clock::now() + backoff.next();
        while (!cancelled && !reconfigured && Clock::now() < retry) {
            co_await sleep_until(wake, retry);
            cancelled = co_await is_cancelled();
        }
    }
    answer(std::exchange(questions, {}), fail(Errc::cancelled, "cancelled"));
    running = false;
}

/// From connecting to the end of that connection. Success: reconfigure() asked for another one.
Task<Result<void>> Pulse::Impl::session() {
    reconfigured = false;
    const postgres::ConnectOptions connect = options.connect;
    const Deadline connect_by = Deadline::in(options.connect_limit);
    Result<std::unique_ptr<postgres::Connection>> opened =
        co_await postgres::Connection::open(io, connect, connect_by);
    if (!opened) co_return fail(opened.error());
    const std::unique_ptr<postgres::Connection> connection = std::move(*opened);

    Clock::time_point next_look = Clock::now();
    Clock::time_point next_heartbeat = Clock::now();
    for (;;) {
        const bool cancelled = co_await is_cancelled();
        if (cancelled || reconfigured) co_return Result<void>{};

        std::vector<std::shared_ptr<Question>> asked = std::exchange(questions, {});
        const Result<Look> seen = co_await look(*connection);
        answer(std::move(asked), seen);
        if (!seen) co_return fail(seen.error());
        backoff.succeeded();

        const Clock::time_point now = Clock::now();
        if (options.has_feed && progress.commits().wants_boundary()) {
            const Result<void> written = co_await write_boundary(*connection);
            if (!written) co_return written;
        } else if ((progress.feed() != position::FeedState::live || feed_stands_still(*seen)) &&
                   now >= next_heartbeat) {
            next_heartbeat = now + options.heartbeat_every;
            const Result<void> written = co_await write_heartbeat(*connection, seen->flush);
            if (!written) co_return written;
        }
        next_look = std::max(next_look + options.every, Clock::now());
        while (questions.empty() && !reconfigured && Clock::now() < next_look) {
            co_await sleep_until(wake, next_look);
            const bool stop = co_await is_cancelled();
            if (stop) break;
        }
    }
}

Task<Result<Look>> Pulse::Impl::look(postgres::Connection& connection) {
    const Clock::time_point asked = Clock::now();
    const std::uint64_t restarts = progress.restarts();
    const Deadline deadline{asked + options.look_limit};
    std::vector<Statement> statements{look_statement()};
    const Result<postgres::UnitResults> unit =
        co_await connection.run(std::move(statements), deadline);
    const Result<void> fine = check(unit);
    if (!fine) co_return fail(fine.error());
    const Result<PrimaryLook> seen = decode_look(unit->front().value());
    if (!seen) co_return fail(seen.error());
    const Clock::time_point answered = Clock::now();

    const std::shared_ptr<const Lineage> known = progress.lineage().get();
    const Meaning meaning = meaning_of(*seen, *known);
    if (meaning == Meaning::in_recovery || meaning == Meaning::deposed) {
        const std::string text = sentence(meaning, *seen, *known);
        became(meaning == Meaning::deposed ? PrimaryState::deposed : PrimaryState::in_recovery,
               text);
        co_return fail(Errc::deposed, "the server at the primary's address is no primary", text);
    }
    if (meaning == Meaning::new_lineage ||
        (history_missing && !options.history.through_pooler && answered >= history_again)) {
        co_await learn_history(*seen);
    }
    // The server may have been promoted, and the feed may have said so, while this was on its way.
    const std::shared_ptr<const Lineage> now_known = progress.lineage().get();
    if (meaning_of(*seen, *now_known) != Meaning::known) {
        co_return fail(Errc::connection_lost, "the timeline changed meanwhile");
    }
    progress.saw_written(seen->insert);
    progress.samples().add({asked, seen->insert});
    // A restart of the feed in between: what was visible then is not what it asks for now.
    if (progress.restarts() == restarts) {
        progress.commits().observed(seen->snapshot, seen->flush, progress.watermark(), answered);
    }
    last_seen.store(answered.time_since_epoch().count(), std::memory_order_relaxed);
    became(PrimaryState::up, {});
    co_return Look{seen->insert, seen->flush, seen->system_id, seen->timeline, asked};
}

/// Publishes the lineage of a server that was not known; without its ancestors if they cannot be
/// read, and then asks for them again from time to time.
Task<void> Pulse::Impl::learn_history(const PrimaryLook& seen) {
    const Deadline deadline = Deadline::in(options.connect_limit);
    std::optional<position::History> history;
    if (seen.timeline == 1 || !options.history.through_pooler) {
        Result<position::History> read =
            co_await read_history(io, options.history, seen.system_id, seen.timeline, deadline);
        if (read) {
            history = std::move(*read);
        } else if (!history_missing) {
            event("warn", fmt::format("The history of timeline {} cannot be read, so positions of "
                                      "earlier timelines count as lost: {}.",
                                      seen.timeline, text_of(read.error())));
        }
    }
    const bool missing = !history;
    const std::shared_ptr<const Lineage> known = progress.lineage().get();
    if (meaning_of(seen, *known) == Meaning::deposed) co_return;  // the feed was faster
    Lineage next = lineage_from(seen.system_id, seen.timeline, std::move(history), *known);
    history_missing = missing && next.history.ancestors().empty();
    history_again = Clock::now() + kHistoryRetry;
    if (next == *known) co_return;
    if (known->system_id != 0 && known->system_id != next.system_id) {
        event("warn",
              "The primary is another database cluster than before: all positions and "
              "cached answers of the old one are void.");
    } else if (known->system_id != 0) {
        event("warn", fmt::format("The primary is on timeline {} now.", seen.timeline));
    }
    progress.change_lineage(std::move(next));
}

/// It is live, but a huge transaction or a change of the schema holds it up: what is visible on the
/// primary has to be found out without it.
bool Pulse::Impl::feed_stands_still(const Look& seen) {
    if (progress.commits().all_visible() >= awaited || seen.flush < awaited) {
        awaited = seen.flush;
        awaited_since = seen.asked;
    }
    return seen.asked - awaited_since > kPatience;
}

/// Nobody else does while the feed is not live. Its transaction id tells when everything that had
/// ended by `flush` is visible.
Task<Result<void>> Pulse::Impl::write_heartbeat(postgres::Connection& connection,
                                                position::Lsn flush) {
    const std::uint64_t restarts = progress.restarts();
    const Result<std::uint64_t> xid = co_await write_message(connection);
    if (!xid && xid.error().code != Errc::sql) co_return fail(xid.error());
    if (!xid && !heartbeat_failed) {
        event("warn", fmt::format("The heartbeat cannot be written, so idle replicas look as if "
                                  "they lagged: {}.",
                                  text_of(xid.error())));
    }
    heartbeat_failed = !xid;
    if (xid && progress.restarts() == restarts) progress.commits().mark(flush, *xid);
    co_return Result<void>{};
}

/// A transaction id that is assigned after the feed has restarted: once every older transaction has
/// ended, every commit from before the restart is visible.
Task<Result<void>> Pulse::Impl::write_boundary(postgres::Connection& connection) {
    const std::uint64_t restarts = progress.restarts();
    const Result<std::uint64_t> xid = co_await write_message(connection);
    if (!xid && xid.error().code != Errc::sql) co_return fail(xid.error());
    // Otherwise with the next look.
    if (xid && progress.restarts() == restarts) progress.commits().set_boundary(*xid);
    co_return Result<void>{};
}

/// Commits a message of its own; the transaction's id.
Task<Result<std::uint64_t>> Pulse::Impl::write_message(postgres::Connection& connection) {
    std::vector<Statement> statements{local_commit(), {"SELECT pg_current_xact_id()"}, heartbeat()};
    const Deadline deadline = Deadline::in(options.look_limit);
    const Result<postgres::UnitResults> unit =
        co_await connection.run(std::move(statements), deadline);
    const Result<void> fine = check(unit);
    if (!fine) co_return fail(fine.error());
    const std::string_view text = (*unit)[1]->at(0, 0).value_or("");
    std::uint64_t xid = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), xid);
    if (ec != std::errc{} || end != text.data() + text.size()) {
        co_return fail(Errc::internal, "pg_current_xact_id() is not a number");
    }
    co_return xid;
}

Pulse::Pulse(asio::io_context& io, PulseOptions options, position::Progress& progress,
             PulseHooks hooks)
    : impl_(std::make_shared<Impl>(io, std::move(options), progress, std::move(hooks))) {}

Pulse::~Pulse() = default;

Task<void> Pulse::run() {
    const std::shared_ptr<Impl> impl = impl_;
    co_await impl->run();
}

void Pulse::reconfigure(postgres::ConnectOptions connect, postgres::ConnectOptions history) {
    impl_->options.connect = std::move(connect);
    impl_->options.history = std::move(history);
    impl_->reconfigured = true;
    impl_->wake.cancel();
}

Task<Result<Look>> Pulse::ask_now(Deadline deadline) {
    const std::shared_ptr<Impl> impl = impl_;
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    const auto question = std::make_shared<Impl::Question>(executor);
    asio::post(impl->io, [impl, question] { impl->ask(question); });
    const Result<void> waited = co_await question->done.wait(deadline);
    if (!waited) co_return fail(waited.error());
    co_return question->answer;
}

PulseStatus Pulse::status() const {
    PulseStatus status;
    status.state = state();
    status.last_seen = last_seen();
    const std::lock_guard lock{impl_->problem_mutex};
    status.problem = impl_->problem;
    return status;
}

PrimaryState Pulse::state() const {
    return impl_->state.load(std::memory_order_relaxed);
}

std::optional<Clock::time_point> Pulse::last_seen() const {
    const std::int64_t at = impl_->last_seen.load(std::memory_order_relaxed);
    if (at == 0) return std::nullopt;
    return Clock::time_point{Clock::duration{at}};
}

}  // namespace lintas::feed
