#include "app/status_command.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "base/deadline.hpp"
#include "base/http_message.hpp"

namespace lintas::app {

namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kLimit{3000};
constexpr std::size_t kMaxAnswer = std::size_t{4} * 1024 * 1024;

// ---- the smallest HTTP client that will do ----

class Socket {
 public:
    explicit Socket(int fd) : fd_(fd) {}
    ~Socket() {
        if (fd_ >= 0) close(fd_);
    }
    Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket& operator=(Socket&&) = delete;

    int fd() const { return fd_; }

    /// Errors: the deadline passed.
    bool wait(short events, Deadline deadline) const {
        pollfd one{fd_, events, 0};
        return poll(&one, 1, static_cast<int>(deadline.remaining().count())) > 0;
    }

 private:
    int fd_;
};

std::unexpected<Error> unreachable(std::string_view address, std::string_view why) {
    std::string sentence{"no lintas answers at http://"};
    sentence.append(address).append(": ").append(why);
    return fail(Errc::connect_failed, std::move(sentence));
}

std::string address_text(const config::HostPort& admin) {
    const bool v6 = admin.host.find(':') != std::string::npos;
    return (v6 ? "[" + admin.host + "]" : admin.host) + ":" + std::to_string(admin.port);
}

std::string system_text(int error) {
    return std::strerror(error);
}

/// Empty: connected.
std::string connect_to(const addrinfo& address, const Socket& socket, Deadline deadline) {
    if (connect(socket.fd(), address.ai_addr, address.ai_addrlen) == 0) return {};
    if (errno != EINPROGRESS) return system_text(errno);
    if (!socket.wait(POLLOUT, deadline)) return "it did not answer in time";
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0 ? std::string{} : system_text(error);
}

Result<Socket> connected(const config::HostPort& admin, Deadline deadline) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    // A static binary may find no name service; the one name that everybody uses needs none.
    const std::string host = admin.host == "localhost" ? "127.0.0.1" : admin.host;
    addrinfo* list = nullptr;
    const int looked_up =
        getaddrinfo(host.c_str(), std::to_string(admin.port).c_str(), &hints, &list);
    if (looked_up != 0) return unreachable(address_text(admin), gai_strerror(looked_up));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned{list, &freeaddrinfo};
    std::string why = "there is no address";
    for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
        Socket socket{::socket(one->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        if (socket.fd() < 0) {
            why = system_text(errno);
            continue;
        }
        why = connect_to(*one, socket, deadline);
        if (why.empty()) return socket;
    }
    return unreachable(address_text(admin), why);
}

/// Empty: all of it was sent.
std::string send_all(const Socket& socket, std::string_view bytes, Deadline deadline) {
    while (!bytes.empty()) {
        const ssize_t sent = send(socket.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno != EAGAIN && errno != EINTR) {
            return system_text(errno);
        } else if (!socket.wait(POLLOUT, deadline)) {
            return "it did not answer in time";
        }
    }
    return {};
}

struct Answer {
    int status = 0;
    std::size_t body_at = 0;
    std::optional<std::size_t> length{};
    bool chunked = false;
};

/// nullopt: the head is not complete yet. Status 0: it is not HTTP.
std::optional<Answer> parse_head(std::string_view text) {
    const auto end = text.find("\r\n\r\n");
    if (end == std::string_view::npos) return std::nullopt;
    Answer answer;
    answer.body_at = end + 4;
    std::string_view head = text.substr(0, end);
    const std::string_view first = head.substr(0, head.find("\r\n"));
    if (!first.starts_with("HTTP/1.") || first.size() < 12) return answer;
    std::from_chars(first.data() + 9, first.data() + 12, answer.status);
    while (!head.empty()) {
        const auto line_end = head.find("\r\n");
        const std::string_view line = head.substr(0, line_end);
        head = line_end == std::string_view::npos ? std::string_view{} : head.substr(line_end + 2);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        const std::string_view value =
            line.substr(std::min(line.find_first_not_of(" \t", colon + 1), line.size()));
        if (header_name_equal(line.substr(0, colon), "transfer-encoding")) answer.chunked = true;
        if (header_name_equal(line.substr(0, colon), "content-length")) {
            std::size_t length = 0;
            const auto parsed = std::from_chars(value.data(), value.data() + value.size(), length);
            if (parsed.ec == std::errc{}) answer.length = length;
        }
    }
    return answer;
}

/// Reads until the answer is complete or the other side closes. `text` has what came; empty result:
/// fine.
std::string receive(const Socket& socket, std::string& text, Deadline deadline) {
    std::array<char, 16384> part{};
    std::optional<Answer> head;
    while (text.size() <= kMaxAnswer) {
        const ssize_t got = recv(socket.fd(), part.data(), part.size(), 0);
        if (got == 0) return {};
        if (got > 0) {
            text.append(part.data(), static_cast<std::size_t>(got));
            if (!head) head = parse_head(text);
            if (head && head->length && text.size() >= head->body_at + *head->length) return {};
        } else if (errno != EAGAIN && errno != EINTR) {
            return system_text(errno);
        } else if (!socket.wait(POLLIN, deadline)) {
            return "it did not answer in time";
        }
    }
    return "its answer is too long";
}

// ---- the page ----

std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
    return out;
}

const json::value* member(const json::object& object, std::string_view name) {
    return object.if_contains({name.data(), name.size()});
}

std::string text_of(const json::object& object, std::string_view name) {
    const json::value* value = member(object, name);
    if (value == nullptr || !value->is_string()) return {};
    return printable({value->get_string().data(), value->get_string().size()});
}

std::int64_t number_of(const json::object& object, std::string_view name) {
    const json::value* value = member(object, name);
    return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

bool flag_of(const json::object& object, std::string_view name) {
    const json::value* value = member(object, name);
    return value != nullptr && value->is_bool() && value->get_bool();
}

std::vector<const json::object*> objects_of(const json::object& object, std::string_view name) {
    std::vector<const json::object*> out;
    const json::value* list = member(object, name);
    if (list == nullptr || !list->is_array()) return out;
    for (const json::value& item : list->get_array()) {
        if (item.is_object()) out.push_back(&item.get_object());
    }
    return out;
}

std::vector<std::string> texts_of(const json::object& object, std::string_view name) {
    std::vector<std::string> out;
    const json::value* list = member(object, name);
    if (list == nullptr || !list->is_array()) return out;
    for (const json::value& item : list->get_array()) {
        if (item.is_string()) out.push_back(printable(std::string{item.get_string()}));
    }
    return out;
}

std::string duration_text(std::int64_t seconds) {
    const auto part = [](std::int64_t n, const char* unit) {
        return std::to_string(n) + " " + unit;
    };
    if (seconds < 60) return part(seconds, "s");
    if (seconds < 3600) return part(seconds / 60, "min") + " " + part(seconds % 60, "s");
    if (seconds < 86400) return part(seconds / 3600, "h") + " " + part(seconds % 3600 / 60, "min");
    return part(seconds / 86400, "d") + " " + part(seconds % 86400 / 3600, "h");
}

using Row = std::vector<std::string>;

/// Columns as wide as their widest cell; the last is not padded.
void append_table(std::string& out, const std::vector<Row>& rows) {
    std::vector<std::size_t> widths;
    for (const Row& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    for (const Row& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out.append(line).append("\n");
    }
}

std::string readiness(const json::object& status) {
    if (!flag_of(status, "ready")) return "no";
    return flag_of(status, "degraded") ? "yes, degraded" : "yes";
}

Row schema_row(const json::object& schema) {
    const std::string error = text_of(schema, "error");
    if (!flag_of(schema, "loaded"))
        return {"schema", "not loaded" + (error.empty() ? "" : ": " + error)};
    std::string text = std::to_string(number_of(schema, "relations")) + " relations";
    if (const std::string at = text_of(schema, "loaded_at"); !at.empty()) text += ", loaded " + at;
    if (!error.empty()) text += ", the newest reload failed: " + error;
    return {"schema", text};
}

Row pool_row(const json::object& pool) {
    const auto count = [&](std::string_view name) {
        return std::to_string(number_of(pool, name)) + " " + std::string{name};
    };
    return {"pool " + text_of(pool, "name"),
            count("idle") + ", " + count("busy") + ", " + count("connecting") + " of " +
                std::to_string(number_of(pool, "limit")) + "; " + count("waiting")};
}

std::string megabytes(std::int64_t bytes) {
    return std::to_string(bytes / (1024 * 1024)) + " MiB";
}

Row cache_row(const json::object& cache) {
    return {"cache " + text_of(cache, "tier"), std::to_string(number_of(cache, "entries")) +
                                                   " entries, " +
                                                   megabytes(number_of(cache, "bytes")) + " of " +
                                                   megabytes(number_of(cache, "limit"))};
}

std::string seconds_text(const json::object& object, std::string_view name) {
    const json::value* const value = member(object, name);
    if (value == nullptr || !value->is_number()) return {};
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.3f s", value->to_number<double>());
    return text.data();
}

Row feed_row(const json::object& feed) {
    std::string text = text_of(feed, "role") + ", " + text_of(feed, "state");
    if (const std::string at = text_of(feed, "position"); !at.empty()) text += ", at " + at;
    if (const std::string lag = seconds_text(feed, "lag_s"); !lag.empty()) text += ", lag " + lag;
    return {"feed", text + ", " + std::to_string(number_of(feed, "tables")) + " tables"};
}

}  // namespace

Result<std::string> fetch_status(const config::HostPort& admin, std::chrono::milliseconds limit) {
    const Deadline deadline = Deadline::in(limit);
    const std::string address = address_text(admin);
    const Result<Socket> socket = connected(admin, deadline);
    if (!socket) return fail(socket.error());
    const std::string request = "GET /status HTTP/1.1\r\nHost: " + address +
                                "\r\nAccept: application/json\r\nConnection: close\r\n\r\n";
    std::string problem = send_all(*socket, request, deadline);
    if (!problem.empty()) return unreachable(address, problem);
    std::string text;
    problem = receive(*socket, text, deadline);
    if (!problem.empty()) return unreachable(address, problem);
    const std::optional<Answer> head = parse_head(text);
    if (!head || head->status == 0)
        return unreachable(address, "what listens there does not speak HTTP/1.1");
    if (head->status != 200) {
        return unreachable(address, "the answer was " + std::to_string(head->status) +
                                        ", so this is not the admin listener");
    }
    const std::size_t came = text.size() - head->body_at;
    if (head->chunked || (head->length && came < *head->length))
        return unreachable(address, "the answer was cut off");
    return text.substr(head->body_at, head->length.value_or(came));
}

Result<std::string> status_page(std::string_view text) {
    json::error_code ec;
    const json::value parsed = json::parse({text.data(), text.size()}, ec);
    if (ec || !parsed.is_object()) return fail(Errc::bad_body, "the answer is not a JSON object");
    const json::object& status = parsed.get_object();
    std::string page = "lintas " + text_of(status, "version") + ", " + text_of(status, "role") +
                       " at " + text_of(status, "site") + ", up " +
                       duration_text(number_of(status, "uptime_s")) + "\n\n";
    std::vector<Row> facts{{"ready", readiness(status)}};
    for (const json::object* problem : objects_of(status, "problems")) {
        facts.push_back({"  " + text_of(*problem, "part"), text_of(*problem, "problem")});
    }
    facts.push_back({"connections", std::to_string(number_of(status, "connections")) + " open, " +
                                        std::to_string(number_of(status, "in_flight")) +
                                        " requests in flight"});
    const json::value* schema = member(status, "schema");
    if (schema != nullptr && schema->is_object()) facts.push_back(schema_row(schema->get_object()));
    for (const json::object* pool : objects_of(status, "pools")) facts.push_back(pool_row(*pool));
    for (const json::object* cache : objects_of(status, "caches")) {
        facts.push_back(cache_row(*cache));
    }
    const json::value* feed = member(status, "feed");
    if (feed != nullptr && feed->is_object()) {
        facts.push_back(feed_row(feed->get_object()));
        for (const std::string& problem : texts_of(feed->get_object(), "problems")) {
            facts.push_back({"", problem});
        }
    }
    append_table(page, facts);

    std::vector<Row> sources{{"SOURCE", "KIND", "STATE", "POSITION", "LAG", "ERROR"}};
    for (const json::object* source : objects_of(status, "sources")) {
        sources.push_back({text_of(*source, "name"), text_of(*source, "kind"),
                           text_of(*source, "state"), text_of(*source, "position"),
                           seconds_text(*source, "lag_s"), text_of(*source, "error")});
    }
    if (sources.size() > 1) {
        page += "\n";
        append_table(page, sources);
    }
    return page;
}

int status_command(const config::StatusOptions& options, std::FILE* out, std::FILE* err) {
    const auto failed = [&](const Error& error) {
        std::fprintf(err, "lintas: %s\n", printable(error.message).c_str());
        return 1;
    };
    const Result<std::string> body = fetch_status(options.admin, kLimit);
    if (!body) return failed(body.error());
    if (options.json) {
        std::fprintf(out, "%s\n", body->c_str());
        return 0;
    }
    const Result<std::string> page = status_page(*body);
    if (!page) return failed(page.error());
    std::fputs(page->c_str(), out);
    return 0;
}

}  // namespace lintas::app
