#include "schema/reload.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>
#include <variant>

#include "base/cancellation.hpp"

namespace lintas::schema {
namespace {

using namespace std::chrono_literals;

constexpr const char* kChannel = "pgrst";
constexpr Clock::duration kQuiet = 100ms;
constexpr Clock::duration kBurstMost = 1s;

Result<void> check(const Result<postgres::UnitResults>& unit) {
    if (!unit) return fail(unit.error());
    for (const Result<postgres::Rows>& result : *unit) {
        if (!result) return fail(result.error());
    }
    return {};
}

std::string text_of(const Error& error) {
    std::string text = error.message;
    if (!error.sqlstate.empty()) text += fmt::format(" (SQLSTATE {})", error.sqlstate);
    if (!error.details.empty()) text += fmt::format(": {}", error.details);
    // libpq writes several lines; a log line is one.
    std::replace_if(text.begin(), text.end(), [](unsigned char c) { return c < ' '; }, ' ');
    return text;
}

}  // namespace

Reloader::Reloader(asio::io_context& io, ReloadOptions options, ReloadHooks hooks)
    : io_{io},
      options_{std::move(options)},
      hooks_{std::move(hooks)},
      debounce_{kQuiet, kBurstMost},
      backoff_{options_.first_retry, options_.retry_most},
      wake_{io} {}

Task<void> Reloader::run() {
    co_await asio::this_coro::throw_if_cancelled(false);
    for (;;) {
        const Result<void> ended = co_await session();
        const bool cancelled = co_await is_cancelled();
        if (cancelled) co_return;
        if (ended) continue;
        const std::chrono::milliseconds wait = backoff_.next();
        failed(ended.error(), wait);
        co_await wait_before_retry(wait);
    }
}

void Reloader::request_reload() {
    hurry_ = true;
    debounce_.asked(Clock::now());
    wake_.cancel();
}

void Reloader::reconfigure(ReloadOptions options) {
    options_ = std::move(options);
    reconfigured_ = true;
    request_reload();
}

std::string Reloader::last_error() const {
    const std::lock_guard lock{error_mutex_};
    return last_error_;
}

/// From connecting to the end of that connection. Success: the next load is due (through a pooler
/// only).
Task<Result<void>> Reloader::session() {
    hurry_ = false;
    reconfigured_ = false;
    // A copy: reconfigure() may replace the options while this waits.
    const postgres::ConnectOptions connect = options_.connect;
    const Deadline connect_by = Deadline::in(options_.connect_limit);
    Result<std::unique_ptr<postgres::Connection>> opened =
        co_await postgres::Connection::open(io_, connect, connect_by);
    if (!opened) co_return fail(std::move(opened.error()));
    const std::unique_ptr<postgres::Connection> connection = std::move(*opened);
    bool cancelled = co_await is_cancelled();
    if (cancelled) co_return fail(Errc::cancelled, "cancelled");

    // Listening comes first, so that no change falls between the load and it.
    Result<void> listening;
    if (!connect.through_pooler) {
        std::vector<Statement> statements{Statement{fmt::format("LISTEN {}", kChannel)}};
        const Deadline listen_by = Deadline::in(options_.probe_limit);
        const Result<postgres::UnitResults> unit =
            co_await connection->run(std::move(statements), listen_by);
        listening = check(unit);
    }
    // A server that refuses LISTEN (a standby) still has a schema to serve meanwhile.
    if (!listening && listening.error().code != Errc::sql) co_return listening;

    const Result<void> loaded = co_await load_now(*connection);
    if (!loaded) co_return loaded;
    if (!listening) co_return listening;
    backoff_.succeeded();
    set_last_error({});

    if (connect.through_pooler) {
        connection->close();
        co_return co_await wait_until_due();
    }
    // A cancel that came while a step was just succeeding is over; nothing would forward it to
    // those below.
    cancelled = co_await is_cancelled();
    if (cancelled) co_return fail(Errc::cancelled, "cancelled");
    using namespace asio::experimental::awaitable_operators;
    std::variant<Result<void>, Result<void>> first =
        co_await (listen(*connection) || load_when_due(*connection));
    co_return first.index() == 0 ? std::get<0>(first) : std::get<1>(first);
}

Task<Result<void>> Reloader::load_now(postgres::Connection& connection) {
    debounce_.started();
    const Clock::time_point started = Clock::now();
    const Deadline load_by = Deadline::in(options_.load_limit);
    const LoadOptions what = options_.load;
    const std::uint64_t epoch = hooks_.epoch ? hooks_.epoch() : 0;
    Result<Loaded> loaded = co_await load(connection, what, load_by);
    debounce_.finished(Clock::now());
    if (!loaded) co_return fail(std::move(loaded.error()));
    auto catalogue = std::make_shared<Catalogue>(*loaded->catalogue);
    catalogue->set_epoch(epoch);
    loaded->catalogue = std::move(catalogue);
    took(std::move(*loaded), Clock::now() - started);
    co_return Result<void>{};
}

Task<Result<void>> Reloader::load_when_due(postgres::Connection& connection) {
    co_await asio::this_coro::throw_if_cancelled(false);
    for (;;) {
        Result<void> step = co_await wait_until_due();
        if (!step || reconfigured_) co_return step;
        step = co_await load_now(connection);
        if (!step) co_return step;
    }
}

Task<Result<void>> Reloader::wait_until_due() {
    for (;;) {
        const bool cancelled = co_await is_cancelled();
        if (cancelled) co_return fail(Errc::cancelled, "cancelled");
        if (reconfigured_) co_return Result<void>{};
        const Clock::time_point due = debounce_.due().value_or(Clock::time_point::max());
        if (due <= Clock::now()) co_return Result<void>{};
        co_await sleep_until(due);
    }
}

Task<Result<void>> Reloader::listen(postgres::Connection& connection) {
    co_await asio::this_coro::throw_if_cancelled(false);
    for (;;) {
        const bool cancelled = co_await is_cancelled();
        if (cancelled) co_return fail(Errc::cancelled, "cancelled");
        const Deadline silence = Deadline::in(options_.probe_every);
        const Result<postgres::Notification> notification =
            co_await connection.next_notification(silence);
        if (notification) {
            on_notification(*notification);
            continue;
        }
        if (notification.error().code != Errc::deadline_exceeded) {
            co_return fail(notification.error());
        }
        // A probe behind a slow load would time out for no reason of its own; the load has a limit
        // too.
        if (connection.in_flight() > 0) continue;
        std::vector<Statement> probe{Statement{"SELECT 1"}};
        const Deadline probe_by = Deadline::in(options_.probe_limit);
        const Result<postgres::UnitResults> unit =
            co_await connection.run(std::move(probe), probe_by);
        const Result<void> alive = check(unit);
        if (!alive) co_return alive;
    }
}

/// Ends early when wake_ is cancelled; callers look at what they wait for again.
Task<void> Reloader::sleep_until(Clock::time_point at) {
    wake_.expires_at(at);
    boost::system::error_code ignored;
    co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

Task<void> Reloader::wait_before_retry(std::chrono::milliseconds wait) {
    const Clock::time_point at = Clock::now() + wait;
    while (!hurry_ && Clock::now() < at) {
        co_await sleep_until(at);
        const bool cancelled = co_await is_cancelled();
        if (cancelled) co_return;
    }
}

void Reloader::on_notification(const postgres::Notification& notification) {
    if (notification.payload.empty() || notification.payload == "reload schema") {
        debounce_.asked(Clock::now());
        wake_.cancel();
    } else if (notification.payload == "reload config") {
        if (hooks_.on_config_reload) hooks_.on_config_reload();
    } else {
        // The payload is whatever a database user sent: its size is all that is worth a line.
        event("warn", fmt::format("NOTIFY {}: unknown payload of {} bytes ignored", kChannel,
                                  notification.payload.size()));
    }
}

void Reloader::took(Loaded loaded, Clock::duration took) {
    const std::size_t relations = loaded.catalogue->relations().size();
    holder_.set(loaded.catalogue);
    loads_.fetch_add(1, std::memory_order_relaxed);
    const auto took_ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
    event("info", fmt::format("schema loaded: {} relations in {} ms", relations, took_ms));
    if (loaded.missing_schemas != missing_schemas_ && !loaded.missing_schemas.empty()) {
        event("warn", fmt::format("exposed schemas that do not exist: {}",
                                  fmt::join(loaded.missing_schemas, ", ")));
    }
    missing_schemas_ = std::move(loaded.missing_schemas);
    if (hooks_.on_loaded) hooks_.on_loaded(loaded.catalogue);
}

void Reloader::failed(const Error& error, std::chrono::milliseconds next_in) {
    failures_.fetch_add(1, std::memory_order_relaxed);
    std::string text = text_of(error);
    event(loaded() ? "warn" : "error",
          fmt::format("schema {}: {}; next attempt in {} ms",
                      loaded() ? "not current, the last snapshot is kept" : "not loaded", text,
                      next_in.count()));
    set_last_error(std::move(text));
}

void Reloader::event(std::string_view level, std::string_view text) const {
    if (hooks_.on_event) hooks_.on_event(level, text);
}

void Reloader::set_last_error(std::string text) {
    const std::lock_guard lock{error_mutex_};
    last_error_ = std::move(text);
}

}  // namespace lintas::schema
