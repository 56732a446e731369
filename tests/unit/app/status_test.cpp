#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "app/admin.hpp"
#include "app/status_command.hpp"

using namespace lintas;
using namespace lintas::app;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kStatus =
    R"({"role":"primary","site":"jakarta","version":"0.1.0","started":"2024-03-01T12:34:56.789Z",)"
    R"("uptime_s":11532,"ready":true,"degraded":false,"draining":false,"problems":[],)"
    R"("sources":[{"name":"primary","kind":"primary","state":"up","error":null}],)"
    R"("schema":{"loaded":true,"relations":12,"loaded_at":"2024-03-01T12:34:57.789Z","error":null},)"
    R"("pools":[{"name":"primary","limit":16,"idle":3,"busy":1,"connecting":0,"waiting":2}],)"
    R"("connections":40,"in_flight":3})";

/// Accepts one connection on a free port, reads one request head, sends `answer` in small parts,
/// closes.
class OneAnswer {
 public:
    explicit OneAnswer(std::string answer) : answer_(std::move(answer)) {
        fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        REQUIRE(bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
        REQUIRE(listen(fd_, 1) == 0);
        REQUIRE(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread{[this] { serve(); }};
    }
    ~OneAnswer() {
        thread_.join();
        close(fd_);
    }
    OneAnswer(const OneAnswer&) = delete;
    OneAnswer& operator=(const OneAnswer&) = delete;

    config::HostPort at() const { return {"127.0.0.1", port_}; }
    std::string request() {
        thread_.join();
        thread_ = std::thread{[] {}};
        return request_;
    }

 private:
    void serve() {
        pollfd waiting{fd_, POLLIN, 0};
        if (poll(&waiting, 1, 10'000) <= 0) return;
        const int peer = ::accept(fd_, nullptr, nullptr);
        std::array<char, 1024> part{};
        while (request_.find("\r\n\r\n") == std::string::npos) {
            const ssize_t got = recv(peer, part.data(), part.size(), 0);
            if (got <= 0) break;
            request_.append(part.data(), static_cast<std::size_t>(got));
        }
        for (std::size_t at = 0; at < answer_.size(); at += 7) {
            const std::string_view some = std::string_view{answer_}.substr(at, 7);
            if (send(peer, some.data(), some.size(), MSG_NOSIGNAL) < 0) break;
        }
        shutdown(peer, SHUT_WR);
        while (recv(peer, part.data(), part.size(), 0) > 0) {
        }
        close(peer);
    }

    std::string answer_;
    std::string request_;
    int fd_ = -1;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

std::string http(std::string_view status, std::string_view headers, std::string_view body) {
    std::string text{"HTTP/1.1 "};
    return text.append(status).append("\r\n").append(headers).append("\r\n").append(body);
}

std::string ok(std::string_view body) {
    return http("200 OK", "content-LENGTH: " + std::to_string(body.size()) + "\r\n", body);
}

/// What status_command() printed and returned.
struct Ran {
    int status = -1;
    std::string out;
    std::string err;
};

Ran run(const config::StatusOptions& options) {
    Ran ran;
    char* out = nullptr;
    char* err = nullptr;
    std::size_t out_size = 0;
    std::size_t err_size = 0;
    std::FILE* out_file = open_memstream(&out, &out_size);
    std::FILE* err_file = open_memstream(&err, &err_size);
    ran.status = status_command(options, out_file, err_file);
    std::fclose(out_file);
    std::fclose(err_file);
    ran.out.assign(out, out_size);
    ran.err.assign(err, err_size);
    std::free(out);
    std::free(err);
    return ran;
}

}  // namespace

TEST_CASE("status: a person sees a page", "[unit][app]") {
    const auto page = status_page(kStatus);
    REQUIRE(page);
    CHECK(*page ==
          "lintas 0.1.0, primary at jakarta, up 3 h 12 min\n"
          "\n"
          "ready         yes\n"
          "connections   40 open, 3 requests in flight\n"
          "schema        12 relations, loaded 2024-03-01T12:34:57.789Z\n"
          "pool primary  3 idle, 1 busy, 0 connecting of 16; 2 waiting\n"
          "\n"
          "SOURCE   KIND     STATE  POSITION  LAG  ERROR\n"
          "primary  primary  up\n");
}

TEST_CASE("status: trouble is on the page, without control characters", "[unit][app]") {
    const auto page = status_page(
        R"({"role":"primary","site":"s","version":"0.1.0","uptime_s":59,"ready":false,)"
        R"("problems":[{"part":"database","problem":"refused\n\u001b[2J"}],)"
        R"("sources":[{"name":"primary","kind":"primary","state":"down","error":"refused"}],)"
        R"("schema":{"loaded":false,"relations":0,"loaded_at":null,"error":"no connection"}})");
    REQUIRE(page);
    CHECK(*page ==
          "lintas 0.1.0, primary at s, up 59 s\n"
          "\n"
          "ready        no\n"
          "  database   refused??[2J\n"
          "connections  0 open, 0 requests in flight\n"
          "schema       not loaded: no connection\n"
          "\n"
          "SOURCE   KIND     STATE  POSITION  LAG  ERROR\n"
          "primary  primary  down                  refused\n");
}

TEST_CASE("status: members that are missing or of another kind are left out", "[unit][app]") {
    CHECK(status_page("{}"));
    CHECK(status_page(
        R"({"role":1,"schema":[],"pools":{},"sources":[1,{}],"uptime_s":"x","problems":null})"));
    CHECK_FALSE(status_page("[]"));
    CHECK_FALSE(status_page("{"));
    CHECK_FALSE(status_page(""));
}

TEST_CASE("status: what /status writes is what the page reads", "[unit][app]") {
    DaemonState state;
    state.site = "jakarta";
    state.version = "0.1.0";
    state.uptime = std::chrono::days{2} + 5h;
    state.degraded = true;
    state.sources = {{"primary", "primary", SourceState::up, ""}};
    state.schema = {true, 7, "timeout", std::nullopt};
    const Reply reply = reply_to_status(state);
    const auto page = status_page(reply.body.pieces.at(0));
    REQUIRE(page);
    CHECK(page->starts_with(
        "lintas 0.1.0, primary at jakarta, up 2 d 5 h\n\nready        yes, degraded\n"));
    CHECK(page->find("7 relations, the newest reload failed: timeout\n") != std::string::npos);
}

TEST_CASE("status: the command asks /status and prints the page or the JSON", "[unit][app]") {
    const bool json = GENERATE(false, true);
    OneAnswer daemon{ok(kStatus)};
    const Ran ran = run({daemon.at(), json});
    CHECK(ran.status == 0);
    CHECK(ran.err.empty());
    CHECK(ran.out == (json ? std::string{kStatus} + "\n" : *status_page(kStatus)));
    const std::string request = daemon.request();
    CHECK(request.starts_with("GET /status HTTP/1.1\r\nHost: 127.0.0.1:"));
    CHECK(request.find("\r\nConnection: close\r\n") != std::string::npos);
}

TEST_CASE("status: an answer without a length ends with the connection", "[unit][app]") {
    OneAnswer daemon{http("200 OK", "Server: x\r\n", kStatus)};
    CHECK(fetch_status(daemon.at(), 10s).value() == kStatus);
}

TEST_CASE("status: what cannot be used is exit status 1 and one clear sentence", "[unit][app]") {
    struct Row {
        std::string answer;
        std::string_view sentence;
    };
    const Row row = GENERATE_COPY(values<Row>({
        {http("404 Not Found", "Content-Length: 0\r\n", ""),
         "the answer was 404, so this is not the admin listener"},
        {http("200 OK", "Content-Length: 100\r\n", "{}"), "the answer was cut off"},
        {http("200 OK", "Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
         "the answer was cut off"},
        {"SSH-2.0-OpenSSH\r\n\r\n", "what listens there does not speak HTTP/1.1"},
        {"", "what listens there does not speak HTTP/1.1"},
        {ok("[1]"), "the answer is not a JSON object"},
    }));
    OneAnswer daemon{row.answer};
    const Ran ran = run({daemon.at(), false});
    CHECK(ran.status == 1);
    CHECK(ran.out.empty());
    CHECK(ran.err.starts_with("lintas: "));
    CHECK(ran.err.find(row.sentence) != std::string::npos);
    CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') == 1);
}

TEST_CASE("status: a daemon that is not there is named", "[unit][app]") {
    config::HostPort nobody;
    {
        const OneAnswer soon_gone{""};  // its port is free afterwards
        nobody = soon_gone.at();
        (void)fetch_status(nobody, 10s);
    }
    const Ran ran = run({nobody, false});
    CHECK(ran.status == 1);
    CHECK(ran.err == "lintas: no lintas answers at http://127.0.0.1:" +
                         std::to_string(nobody.port) + ": Connection refused\n");
}

TEST_CASE("status: a daemon that accepts and says nothing is given up on", "[unit][app]") {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(listen(fd, 1) == 0);
    REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    const auto silent = fetch_status({"127.0.0.1", ntohs(address.sin_port)}, 30ms);
    REQUIRE_FALSE(silent);
    CHECK(silent.error().message.ends_with("it did not answer in time"));
    close(fd);
}
