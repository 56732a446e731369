#include "postgres/connection.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <deque>

#include "base/assert.hpp"
#include "postgres/canceller.hpp"
#include "postgres/connect.hpp"
#include "postgres/event.hpp"
#include "postgres/prepared.hpp"
#include "postgres/sqlstate.hpp"

namespace lintas::postgres {

namespace {

constexpr std::size_t kNotificationLimit = 256;  // more than that are merged by dropping the oldest

Error lost() {
    return Error{Errc::connection_lost, "the connection to the database was lost"};
}

bool says_why(const UnitResults& results) {
    return std::any_of(results.begin(), results.end(), [](const Result<Rows>& result) {
        return !result && result.error().code == Errc::sql &&
               !is_connection_exception(result.error().sqlstate);
    });
}

struct ClearResult {
    void operator()(PGresult* result) const { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, ClearResult>;

}  // namespace

// Shared with the handlers that wait on the socket: they may outlive the Connection by one loop
// turn.
struct Connection::Impl : std::enable_shared_from_this<Impl> {
    Impl(asio::io_context& io, const ConnectOptions& options, ConnectionHandle handle)
        : options_(options),
          conn_(std::move(handle)),
          socket_(io, PQsocket(conn_.get())),
          prepared_(options.max_prepared),
          cancel_(PQgetCancel(conn_.get()), &PQfreeCancel),
          notified_(std::make_unique<Event>(io.get_executor())),
          executor_(io.get_executor()) {}

    ~Impl() { close(); }

    void start() {
        PQsetnonblocking(conn_.get(), 1);
        PQenterPipelineMode(conn_.get());
        await_readable();
    }

    std::shared_ptr<Unit> submit(std::vector<Statement> statements, std::function<void()> on_done) {
        auto unit = std::make_shared<Unit>();
        unit->statements = std::move(statements);
        unit->on_done = std::move(on_done);
        unit->sent_at = Clock::now();
        unit->results.reserve(unit->statements.size());
        bool sent = usable();
        for (const Statement& statement : unit->statements) sent = sent && send(statement, unit);
        sent = sent && PQpipelineSync(conn_.get()) == 1;
        if (!sent) {
            // Not an answer from inside this call: the caller is still setting up its wait.
            unit->fail_rest(lost());
            asio::post(executor_, [self = shared_from_this(), unit] {
                self->finish(unit);
                self->close();
            });
            return unit;
        }
        pipeline_.sent(Pipeline::Expect::sync, unit);
        flush();
        return unit;
    }

    void cancel_running() {
        if (usable() && !options_.through_pooler && cancel_)
            Canceller::instance().request(cancel_, cancels_pending_);
    }

    void close() {
        if (!conn_) return;
        boost::system::error_code ignored;
        socket_.cancel(ignored);
        if (socket_.is_open()) socket_.release();  // libpq closes it
        conn_.reset();
        notified_->set();
        const std::vector<std::shared_ptr<Unit>> units = pipeline_.on_lost(lost());
        for (const std::shared_ptr<Unit>& unit : units) finish(unit);
        if (const auto broken = std::exchange(on_broken_, nullptr)) broken();
    }

    bool usable() const { return conn_ && PQstatus(conn_.get()) == CONNECTION_OK; }

    ConnectOptions options_;
    ConnectionHandle conn_;
    asio::posix::stream_descriptor socket_;
    Pipeline pipeline_;
    PreparedStatements prepared_;
    CancelHandle cancel_;
    CancelsPending cancels_pending_ = std::make_shared<std::atomic<int>>(0);
    std::function<void()> on_broken_;
    std::deque<Notification> notifications_;
    std::unique_ptr<Event> notified_;
    asio::any_io_executor executor_;
    std::shared_ptr<const SessionIdentity> session_;

 private:
    bool send(const Statement& statement, const std::shared_ptr<Unit>& unit) {
        values_.clear();
        for (const auto& param : statement.params)
            values_.push_back(param ? param->c_str() : nullptr);
        const int count = static_cast<int>(values_.size());
        PGconn* conn = conn_.get();
        if (!options_.prepared) {
            if (!PQsendQueryParams(conn, statement.text.c_str(), count, nullptr, values_.data(),
                                   nullptr, nullptr, 0)) {
                return false;
            }
            pipeline_.sent(Pipeline::Expect::execute, unit);
            return true;
        }
        const PreparedStatements::Use use = prepared_.use(statement.text);
        if (!use.evicted.empty()) {
            const std::string deallocate = "DEALLOCATE " + use.evicted;
            if (!PQsendQueryParams(conn, deallocate.c_str(), 0, nullptr, nullptr, nullptr, nullptr,
                                   0))
                return false;
            pipeline_.sent(Pipeline::Expect::deallocate, unit);
        }
        if (use.prepare) {
            if (!PQsendPrepare(conn, use.name.c_str(), statement.text.c_str(), 0, nullptr))
                return false;
            pipeline_.sent(Pipeline::Expect::prepare, unit);
        }
        if (!PQsendQueryPrepared(conn, use.name.c_str(), count, values_.data(), nullptr, nullptr,
                                 0))
            return false;
        pipeline_.sent(Pipeline::Expect::execute, unit);
        return true;
    }

    void flush() {
        if (flushing_ || !conn_) return;
        const int pending = PQflush(conn_.get());
        if (pending < 0) return schedule_close();
        if (pending == 0) return;
        flushing_ = true;
        socket_.async_wait(asio::posix::stream_descriptor::wait_write,
                           [self = shared_from_this()](const boost::system::error_code& ec) {
                               self->flushing_ = false;
                               if (!ec) self->flush();
                           });
    }

    void await_readable() {
        socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                           [self = shared_from_this()](const boost::system::error_code& ec) {
                               if (!ec && self->conn_) self->on_readable();
                           });
    }

    void on_readable() {
        const bool alive = PQconsumeInput(conn_.get()) == 1;
        drain();             // what came before the end of the stream still counts
        if (!conn_) return;  // a completion closed us
        if (!alive || !usable()) return close();
        flush();
        await_readable();
    }

    void drain() {
        while (conn_ && !pipeline_.empty() && !PQisBusy(conn_.get())) {
            ResultHandle result{PQgetResult(conn_.get())};
            if (!result) {
                if (pipeline_.front_is_sync()) break;  // nothing more has arrived
                pipeline_.on_end();
                continue;
            }
            take(std::move(result));
        }
        if (!conn_) return;
        while (PGnotify* notify = PQnotifies(conn_.get())) {
            if (notifications_.size() >= kNotificationLimit) notifications_.pop_front();
            notifications_.push_back(Notification{notify->relname, notify->extra});
            PQfreemem(notify);
            notified_->set();
        }
    }

    void take(ResultHandle result) {
        switch (PQresultStatus(result.get())) {
            case PGRES_PIPELINE_SYNC: {
                const std::shared_ptr<Unit> unit = pipeline_.on_sync();
                forget_unprepared();
                finish(unit);
                return;
            }
            case PGRES_PIPELINE_ABORTED:
                return pipeline_.on_skipped();
            case PGRES_TUPLES_OK:
            case PGRES_COMMAND_OK:
            case PGRES_EMPTY_QUERY:
                return pipeline_.on_rows(Rows{result.release()});
            default:
                return pipeline_.on_error(error_from_result(result.get()));
        }
    }

    void forget_unprepared() {
        for (const std::string& text : pipeline_.take_unprepared()) prepared_.forget(text);
    }

    void finish(const std::shared_ptr<Unit>& unit) {
        unit->done = true;
        if (const auto on_done = std::exchange(unit->on_done, nullptr)) on_done();
    }

    void schedule_close() {
        asio::post(executor_, [self = shared_from_this()] { self->close(); });
    }

    std::vector<const char*> values_;
    bool flushing_ = false;
};

Task<Result<std::unique_ptr<Connection>>> Connection::open(asio::io_context& io,
                                                           const ConnectOptions& options,
                                                           Deadline deadline) {
    Result<ConnectionHandle> handle = co_await connect(io, options, deadline);
    if (!handle) co_return fail(handle.error());
    auto impl = std::make_shared<Impl>(io, options, std::move(*handle));
    impl->start();
    std::unique_ptr<Connection> connection{new Connection{std::move(impl)}};
    if (options.identify && !options.through_pooler) {
        const Result<void> identified = co_await connection->identify(*options.identify, deadline);
        if (!identified) co_return fail(identified.error());
    }
    co_return std::move(connection);
}

Task<Result<void>> Connection::identify(Statement statement, Deadline deadline) {
    std::vector<Statement> unit;
    unit.push_back(std::move(statement));
    const Result<UnitResults> results = co_await run(std::move(unit), deadline);
    if (!results) co_return fail(results.error());
    const Result<Rows>& rows = results->front();
    // A server that will not say who it is can be read all the same; its answers have no position.
    if (!rows && rows.error().code == Errc::sql && usable()) co_return Result<void>{};
    if (!rows) co_return fail(rows.error());
    if (std::optional<SessionIdentity> identity = session_identity_from(*rows))
        impl_->session_ = std::make_shared<const SessionIdentity>(std::move(*identity));
    co_return Result<void>{};
}

Connection::Connection(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Connection::~Connection() {
    impl_->on_broken_ = nullptr;
    impl_->close();
}

std::shared_ptr<Unit> Connection::submit(std::vector<Statement> statements,
                                         std::function<void()> on_done) {
    return impl_->submit(std::move(statements), std::move(on_done));
}

Task<Result<UnitResults>> Connection::run(std::vector<Statement> statements, Deadline deadline) {
    std::vector<std::vector<Statement>> units;
    units.push_back(std::move(statements));
    std::vector<Result<UnitResults>> results = co_await run_each(std::move(units), deadline);
    co_return std::move(results.front());
}

Task<std::vector<Result<UnitResults>>> Connection::run_each(
    std::vector<std::vector<Statement>> units, Deadline deadline) {
    Event done{impl_->executor_};
    std::vector<std::shared_ptr<Unit>> sent;
    for (std::size_t i = 0; i < units.size(); ++i) {
        // They are answered in order: the last one's answer is that of all.
        std::function<void()> on_done;
        if (i + 1 == units.size()) on_done = [&done] { done.set(); };
        sent.push_back(submit(std::move(units[i]), std::move(on_done)));
    }
    const Result<void> waited = co_await done.wait(deadline);
    if (!waited) sent.back()->on_done = nullptr;  // `done` ends with this frame
    std::vector<Result<UnitResults>> results;
    results.reserve(sent.size());
    for (const std::shared_ptr<Unit>& unit : sent) {
        // A server that hung up may have said why in one of the results; that is the better answer.
        // A pooler that says it lost the server (08P01) knows no more than we do what became of it.
        if (!unit->done) {
            results.push_back(fail(waited.error()));
        } else if (unit->broken && !says_why(unit->results)) {
            results.push_back(fail(lost()));
        } else {
            results.push_back(std::move(unit->results));
        }
    }
    co_return results;
}

Task<Result<Notification>> Connection::next_notification(Deadline deadline) {
    const std::shared_ptr<Impl> impl = impl_;
    while (impl->notifications_.empty()) {
        if (!impl->usable()) co_return fail(lost());
        impl->notified_ = std::make_unique<Event>(impl->executor_);
        const Result<void> waited = co_await impl->notified_->wait(deadline);
        if (!waited) co_return fail(waited.error());
    }
    Notification first = std::move(impl->notifications_.front());
    impl->notifications_.pop_front();
    co_return first;
}

void Connection::cancel_running() {
    impl_->cancel_running();
}
bool Connection::cancel_pending() const {
    return impl_->cancels_pending_->load() > 0;
}
void Connection::close() {
    impl_->close();
}
void Connection::on_broken(std::function<void()> callback) {
    impl_->on_broken_ = std::move(callback);
}
bool Connection::usable() const {
    return impl_->usable();
}
std::size_t Connection::in_flight() const {
    return impl_->pipeline_.units();
}
Clock::time_point Connection::oldest_sent_at() const {
    return in_flight() > 0 ? impl_->pipeline_.oldest_sent_at() : Clock::now();
}

bool Connection::in_transaction() const {
    return impl_->conn_ && PQtransactionStatus(impl_->conn_.get()) != PQTRANS_IDLE;
}

const std::shared_ptr<const SessionIdentity>& Connection::session() const {
    return impl_->session_;
}

int Connection::server_version() const {
    return impl_->conn_ ? PQserverVersion(impl_->conn_.get()) : 0;
}

}  // namespace lintas::postgres
