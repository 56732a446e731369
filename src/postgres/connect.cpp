#include "postgres/connect.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <string_view>
#include <vector>

namespace lintas::postgres {

namespace {

using namespace asio::experimental::awaitable_operators;
using Settings = std::map<std::string, std::string>;

std::vector<std::string> split_list(const std::string& text) {
    std::vector<std::string> parts;
    std::size_t from = 0;
    while (true) {
        const std::size_t comma = text.find(',', from);
        parts.push_back(text.substr(from, comma - from));
        if (comma == std::string::npos) return parts;
        from = comma + 1;
    }
}

std::string joined(const std::vector<std::string>& parts) {
    std::string text;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) text += ',';
        text += parts[i];
    }
    return text;
}

Result<Settings> parse_url(const std::string& url) {
    char* why = nullptr;
    PQconninfoOption* parsed = PQconninfoParse(url.c_str(), &why);
    if (!parsed) {
        if (why) PQfreemem(why);
        // libpq quotes the text it could not read, which may hold the password.
        return fail(Errc::connect_failed, "the database URL cannot be parsed");
    }
    Settings settings;
    for (const PQconninfoOption* option = parsed; option->keyword; ++option) {
        if (option->val) settings[option->keyword] = option->val;
    }
    PQconninfoFree(parsed);
    return settings;
}

/// libpq would resolve names itself, blocking. Every address of every host becomes an entry of
/// host/hostaddr/port, so libpq tries them in turn (PostgreSQL 15 manual, 34.1.1.3).
Task<Result<void>> resolve_hosts(asio::io_context& io, Settings& settings) {
    if (!settings.contains("host") || settings.contains("hostaddr")) co_return Result<void>{};
    const std::vector<std::string> hosts = split_list(settings["host"]);
    const std::vector<std::string> ports =
        settings.contains("port") ? split_list(settings["port"]) : std::vector<std::string>{"5432"};
    std::vector<std::string> out_hosts;
    std::vector<std::string> out_addresses;
    std::vector<std::string> out_ports;
    std::string failure;
    bool any_name = false;
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        const std::string& port =
            ports.size() == 1 ? ports[0] : ports[std::min(i, ports.size() - 1)];
        if (hosts[i].empty() || hosts[i][0] == '/' || hosts[i][0] == '@') {
            out_hosts.push_back(hosts[i]);
            out_addresses.emplace_back();
            out_ports.push_back(port);
            continue;
        }
        any_name = true;
        asio::ip::tcp::resolver resolver{io};
        boost::system::error_code ec;
        const auto found = co_await resolver.async_resolve(
            hosts[i], "", asio::redirect_error(asio::use_awaitable, ec));
        if (ec) {
            failure = "could not resolve host \"" + hosts[i] + "\": " + ec.message();
            continue;
        }
        for (const auto& entry : found) {
            out_hosts.push_back(hosts[i]);
            out_addresses.push_back(entry.endpoint().address().to_string());
            out_ports.push_back(port);
        }
    }
    if (out_hosts.empty())
        co_return fail(Errc::connect_failed, "Database connection error", failure);
    if (any_name) {
        settings["host"] = joined(out_hosts);
        settings["hostaddr"] = joined(out_addresses);
        settings["port"] = joined(out_ports);
    }
    co_return Result<void>{};
}

void add_session_settings(const ConnectOptions& options, Settings& settings) {
    settings["client_encoding"] = "UTF8";
    settings["gssencmode"] = "disable";
    if (!settings.contains("application_name"))
        settings["application_name"] = options.application_name;
    if (options.replication) settings["replication"] = "database";
    if (options.through_pooler) return;  // nothing session-level
    std::string& startup = settings["options"];
    startup += " -c default_transaction_isolation=read\\ committed -c statement_timeout=" +
               std::to_string(options.statement_timeout.count());
}

Error libpq_error(const PGconn* conn) {
    std::string text = PQerrorMessage(conn);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return Error{Errc::connect_failed, "Database connection error", std::move(text)};
}

/// Waits until the socket is ready for what PQconnectPoll() asked for.
Task<Result<void>> wait_ready(asio::io_context& io, int fd, PostgresPollingStatusType wanted,
                              Deadline deadline) {
    asio::posix::stream_descriptor descriptor{io, fd};
    asio::steady_timer timer{io, deadline.at};
    const auto kind = wanted == PGRES_POLLING_READING ? asio::posix::stream_descriptor::wait_read
                                                      : asio::posix::stream_descriptor::wait_write;
    boost::system::error_code ready_ec;
    boost::system::error_code timer_ec;
    const auto first = co_await (
        descriptor.async_wait(kind, asio::redirect_error(asio::use_awaitable, ready_ec)) ||
        timer.async_wait(asio::redirect_error(asio::use_awaitable, timer_ec)));
    descriptor.release();  // libpq owns the socket
    if (first.index() == 0 && !ready_ec) co_return Result<void>{};
    if (first.index() == 1 && !timer_ec) {
        co_return fail(Errc::deadline_exceeded, "the database did not answer in time");
    }
    co_return fail(Errc::cancelled, "cancelled");
}

}  // namespace

Task<Result<ConnectionHandle>> connect(asio::io_context& io, const ConnectOptions& options,
                                       Deadline deadline) {
    Result<Settings> settings = parse_url(options.url);
    if (!settings) co_return fail(settings.error());
    const Result<void> resolved = co_await resolve_hosts(io, *settings);
    if (!resolved) co_return fail(resolved.error());
    add_session_settings(options, *settings);

    std::vector<const char*> keywords;
    std::vector<const char*> values;
    for (const auto& [keyword, value] : *settings) {
        keywords.push_back(keyword.c_str());
        values.push_back(value.c_str());
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    ConnectionHandle conn{PQconnectStartParams(keywords.data(), values.data(), 0)};
    if (!conn) co_return fail(Errc::connect_failed, "Database connection error", "out of memory");
    if (PQstatus(conn.get()) == CONNECTION_BAD) co_return fail(libpq_error(conn.get()));
    PQsetNoticeProcessor(conn.get(), [](void*, const char*) {}, nullptr);

    PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
    while (true) {
        const Result<void> ready = co_await wait_ready(io, PQsocket(conn.get()), wanted, deadline);
        if (!ready) co_return fail(ready.error());
        wanted = PQconnectPoll(conn.get());
        if (wanted == PGRES_POLLING_OK) co_return std::move(conn);
        if (wanted == PGRES_POLLING_FAILED) co_return fail(libpq_error(conn.get()));
    }
}

}  // namespace lintas::postgres
