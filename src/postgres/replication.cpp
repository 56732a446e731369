#include "postgres/replication.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>

#include "postgres/sqlstate.hpp"

namespace lintas::postgres {

namespace {

using namespace asio::experimental::awaitable_operators;

Error lost() {
    return Error{Errc::connection_lost, "the connection to the database was lost"};
}

Task<Result<void>> wait_readable(asio::io_context& io, int fd, Deadline deadline) {
    asio::posix::stream_descriptor descriptor{io, fd};
    asio::steady_timer timer{io, deadline.at};
    boost::system::error_code ready_ec;
    boost::system::error_code timer_ec;
    const auto first =
        co_await (descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                        asio::redirect_error(asio::use_awaitable, ready_ec)) ||
                  timer.async_wait(asio::redirect_error(asio::use_awaitable, timer_ec)));
    descriptor.release();  // libpq owns the socket
    if (first.index() == 0 && !ready_ec) co_return Result<void>{};
    if (first.index() == 1 && !timer_ec) {
        co_return fail(Errc::deadline_exceeded, "the database did not answer in time");
    }
    co_return fail(Errc::cancelled, "cancelled");
}

template <class T>
std::optional<T> number(std::optional<std::string_view> text) {
    T value = 0;
    if (!text) return std::nullopt;
    const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (ec != std::errc{} || end != text->data() + text->size()) return std::nullopt;
    return value;
}

}  // namespace

Task<Result<Rows>> simple_query(asio::io_context& io, PGconn* connection, std::string text,
                                Deadline deadline) {
    // Commands are short: they fit into the socket's buffer, so sending never waits.
    if (!PQsendQuery(connection, text.c_str())) co_return fail(lost());
    Result<Rows> answer = fail(lost());
    while (true) {
        while (PQisBusy(connection)) {
            const Result<void> ready = co_await wait_readable(io, PQsocket(connection), deadline);
            if (!ready) co_return fail(ready.error());
            if (!PQconsumeInput(connection)) co_return fail(lost());
        }
        PGresult* const result = PQgetResult(connection);
        if (!result) co_return std::move(answer);
        const ExecStatusType status = PQresultStatus(result);
        Rows rows{result};
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
            answer = std::move(rows);
        } else {
            answer = fail(error_from_result(result));
        }
        if (PQstatus(connection) == CONNECTION_BAD) co_return std::move(answer);
    }
}

Task<Result<SystemIdentity>> identify_system(asio::io_context& io, PGconn* connection,
                                             Deadline deadline) {
    const Result<Rows> rows = co_await simple_query(io, connection, "IDENTIFY_SYSTEM", deadline);
    if (!rows) co_return fail(rows.error());
    if (rows->rows() == 1 && rows->columns() >= 3) {
        const auto system_id = number<std::uint64_t>(rows->at(0, 0));
        const auto timeline = number<std::uint32_t>(rows->at(0, 1));
        if (system_id && timeline) {
            SystemIdentity identity{*system_id, *timeline,
                                    std::string{rows->at(0, 2).value_or("")}};
            co_return std::move(identity);
        }
    }
    co_return fail(Errc::internal, "IDENTIFY_SYSTEM did not return its one row");
}

Task<Result<std::string>> timeline_history(asio::io_context& io, PGconn* connection,
                                           std::uint32_t timeline, Deadline deadline) {
    const Result<Rows> rows = co_await simple_query(
        io, connection, "TIMELINE_HISTORY " + std::to_string(timeline), deadline);
    if (!rows) co_return fail(rows.error());
    if (rows->rows() != 1 || rows->columns() != 2)
        co_return fail(Errc::internal, "TIMELINE_HISTORY did not return its one row");
    std::string text{rows->at(0, 1).value_or("")};
    co_return std::move(text);
}

}  // namespace lintas::postgres
