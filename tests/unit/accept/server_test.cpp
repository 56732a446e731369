#include "accept/server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "accept/listener.hpp"
#include "loopback.hpp"

using namespace lintas;
using namespace lintas::accept::loopback;
using accept::ServerLimits;

namespace {

ServerLimits quick() {
    ServerLimits limits;
    limits.tick = 10ms;
    return limits;
}

}  // namespace

TEST_CASE("server: a connection is kept for the next request, as HTTP/1.1 and 1.0 want it",
          "[loopback][accept]") {
    RunningServer running;
    Client client{running.port()};
    for (int i = 0; i < 3; ++i) {
        REQUIRE(client.send(get("/echo")));
        const std::string reply = client.reply();
        CHECK(starts(reply, "HTTP/1.1 200 OK\r\nDate: "));
        CHECK(has(reply, "\r\n\r\nGET/echo"));
        CHECK_FALSE(has(reply, "Connection:"));
    }
    client.send("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(has(client.reply(), "Connection: keep-alive\r\n"));
    client.send("GET /echo HTTP/1.0\r\n\r\n");
    CHECK(has(client.reply(), "Connection: close\r\n"));
    CHECK(client.closed());
}

TEST_CASE("server: a request may come byte by byte", "[loopback][accept]") {
    RunningServer running;
    Client client{running.port()};
    const std::string request = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    for (const char c : request) REQUIRE(client.send({&c, 1}));
    CHECK(has(client.reply(), "\r\n\r\nPOST/echoabc"));
}

TEST_CASE("server: fifty pipelined requests are answered in order", "[loopback][accept]") {
    RunningServer running;
    Client client{running.port()};
    std::string requests;
    for (int i = 0; i < 50; ++i) requests += get("/echo/" + std::to_string(i));
    REQUIRE(client.send(requests));
    for (int i = 0; i < 50; ++i)
        REQUIRE(has(client.reply(), "\r\n\r\nGET/echo/" + std::to_string(i)));
}

TEST_CASE("server: an answer does not wait for a slow request behind it", "[loopback][accept]") {
    RunningServer running;
    Client client{running.port()};
    REQUIRE(client.send(get("/echo") + get("/hold") + get("/echo/last")));
    CHECK(has(client.reply(), "GET/echo"));
    running.on_loop([&] { running.handler().release(); });
    CHECK(has(client.reply(), "GET/hold"));
    CHECK(has(client.reply(), "GET/echo/last"));
}

TEST_CASE("server: HEAD sends the head alone", "[loopback][accept]") {
    RunningServer running;
    Client client{running.port()};
    REQUIRE(client.send("HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n" + get("/next")));
    CHECK(starts(client.reply(true), "HTTP/1.1 200 OK\r\n"));
    CHECK(has(client.reply(), "GET/next"));
}

TEST_CASE("server: Expect: 100-continue is answered before the body comes", "[loopback][accept]") {
    RunningServer running;
    Client client{running.port()};
    REQUIRE(
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                    "Content-Length: 2\r\n\r\n"));
    CHECK(client.reply() == "HTTP/1.1 100 Continue\r\n\r\n");
    REQUIRE(client.send("hi"));
    CHECK(has(client.reply(), "POST/echohi"));

    REQUIRE(client.send(get("/echo", "Expect: tea\r\n")));
    CHECK(starts(client.reply(), "HTTP/1.1 417 "));
    CHECK(client.closed());
}

TEST_CASE("server: a malformed request gets its 4xx, after the answers before it, and the end",
          "[loopback][accept]") {
    RunningServer running;
    Client client{running.port()};
    REQUIRE(client.send(get("/echo") + "GET / HTTP/1.1\r\n\r\n" + get("/never")));
    CHECK(has(client.reply(), "GET/echo"));
    const std::string reply = client.reply();
    CHECK(starts(reply, "HTTP/1.1 400 Bad Request\r\n"));
    CHECK(has(reply, "Connection: close\r\n"));
    CHECK(client.closed());
}

TEST_CASE("server: a slow header is 408", "[loopback][accept]") {
    ServerLimits limits = quick();
    limits.header_timeout = 100ms;
    RunningServer running{limits};
    Client client{running.port()};
    REQUIRE(client.send("GET / HT"));
    const std::string reply = client.reply();
    CHECK(starts(reply, "HTTP/1.1 408 Request Timeout\r\n"));
    CHECK(has(reply, "Connection: close\r\n"));
    client.close();

    Client after{running.port()};
    REQUIRE(after.send(get("/echo")));
    CHECK(starts(after.reply(), "HTTP/1.1 200 "));
}

TEST_CASE("server: a slow body is 408, whole or between two reads", "[loopback][accept]") {
    ServerLimits limits = quick();
    if (GENERATE(true, false)) {
        limits.body_timeout = 100ms;
    } else {
        limits.body_read_timeout = 100ms;
    }
    RunningServer running{limits};
    Client client{running.port()};
    REQUIRE(client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"));
    CHECK(starts(client.reply(), "HTTP/1.1 408 Request Timeout\r\n"));
}

TEST_CASE("server: an idle connection is closed without a word", "[loopback][accept]") {
    ServerLimits limits = quick();
    limits.idle_timeout = 400ms;  // room for a busy machine between connect and send
    RunningServer running{limits};
    Client fresh{running.port()};
    Client used{running.port()};
    REQUIRE(used.send(get("/echo")));
    CHECK(starts(used.reply(), "HTTP/1.1 200 "));
    CHECK(fresh.closed());
    CHECK(used.closed());
}

TEST_CASE("server: a client that does not take its answer is dropped", "[loopback][accept]") {
    ServerLimits limits = quick();
    limits.write_timeout = 100ms;
    RunningServer running{limits};
    Client client{running.port(), 4096};
    REQUIRE(client.send(get("/big") + get("/echo")));
    // The second request would start only after the first answer: with the connection gone it never
    // does.
    REQUIRE(running.handler().wait_started(1));
    running.on_loop([&] { running.server().drain(); });
    auto drained = asio::co_spawn(running.loop(), running.server().drained(Deadline::in(kLimit)),
                                  asio::use_future);
    CHECK(drained.get());
    CHECK(client.ended());
}

TEST_CASE("server: a handler is cancelled when its client has gone", "[loopback][accept]") {
    RunningServer running{quick()};
    Client client{running.port()};
    REQUIRE(client.send(get("/wait")));
    REQUIRE(running.handler().wait_started(1));
    CHECK(running.server().in_flight() == 1);
    client.close();
    CHECK(running.handler().wait_cancelled(1));
}

TEST_CASE("server: a handler that overruns its deadline is cancelled and answered for with 504",
          "[loopback][accept]") {
    ServerLimits limits = quick();
    limits.request_timeout = 50ms;
    limits.late_handler = 50ms;
    RunningServer running{limits};
    Client client{running.port()};
    REQUIRE(client.send(get("/wait")));
    CHECK(starts(client.reply(), "HTTP/1.1 504 "));
    CHECK(running.handler().wait_cancelled(1));
    CHECK(client.closed());
}

TEST_CASE("server: what a handler throws costs its connection and nothing else",
          "[loopback][accept]") {
    RunningServer running;
    Client other{running.port()};
    Client client{running.port()};
    REQUIRE(client.send(get("/throw")));
    CHECK(client.ended());
    CHECK(running.handler().wait_leaked(1));
    REQUIRE(other.send(get("/echo")));
    CHECK(starts(other.reply(), "HTTP/1.1 200 "));
}

TEST_CASE("server: draining closes idle connections and finishes the request in hand",
          "[loopback][accept]") {
    RunningServer running;
    Client idle{running.port()};
    Client busy{running.port()};
    REQUIRE(idle.send(get("/echo")));
    CHECK(starts(idle.reply(), "HTTP/1.1 200 "));
    REQUIRE(busy.send(get("/hold") + get("/never")));
    REQUIRE(running.handler().wait_started(2));

    running.on_loop([&] {
        running.server().stop_accepting();
        running.server().drain();
    });
    CHECK(idle.closed());
    CHECK_FALSE(Client{running.port()}.connected());
    auto too_early = asio::co_spawn(running.loop(), running.server().drained(Deadline::in(20ms)),
                                    asio::use_future);
    CHECK_FALSE(too_early.get());

    running.on_loop([&] { running.handler().release(); });
    const std::string reply = busy.reply();
    CHECK(has(reply, "GET/hold"));
    CHECK(has(reply, "Connection: close\r\n"));
    CHECK(busy.closed());
    busy.close();
    auto drained = asio::co_spawn(running.loop(), running.server().drained(Deadline::in(kLimit)),
                                  asio::use_future);
    CHECK(drained.get());
    CHECK(running.server().connections() == 0);
}

TEST_CASE("server: abort ends a handler that does not finish", "[loopback][accept]") {
    RunningServer running;
    Client client{running.port()};
    REQUIRE(client.send(get("/wait")));
    REQUIRE(running.handler().wait_started(1));
    running.on_loop([&] { running.server().abort(); });
    CHECK(running.handler().wait_cancelled(1));
    CHECK(client.closed());
}

TEST_CASE("server: a connection over the limit is told so", "[loopback][accept]") {
    ServerLimits limits = quick();
    limits.connections = 2;
    RunningServer running{limits};
    Client one{running.port()};
    Client two{running.port()};
    for (Client* client : {&one, &two}) {
        REQUIRE(client->send(get("/echo")));
        CHECK(starts(client->reply(), "HTTP/1.1 200 "));
    }
    {
        Client three{running.port()};
        REQUIRE(three.send(get("/echo")));
        const std::string reply = three.reply();
        CHECK(starts(reply, "HTTP/1.1 503 Service Unavailable\r\n"));
        CHECK(has(reply, "Retry-After: 1\r\n"));
        CHECK(three.closed());
    }
    CHECK(running.server().shed_total() == 1);

    one.send(get("/echo", "Connection: close\r\n"));
    CHECK(starts(one.reply(), "HTTP/1.1 200 "));
    CHECK(one.closed());
    std::string reply;  // the server counts a connection down a moment after it has closed it
    for (const Deadline limit = Deadline::in(kLimit); !limit.passed();) {
        Client again{running.port()};
        again.send(get("/echo"));
        reply = again.reply();
        if (starts(reply, "HTTP/1.1 200 ")) break;
    }
    CHECK(starts(reply, "HTTP/1.1 200 "));
}

TEST_CASE("server: a large answer arrives whole", "[loopback][accept]") {
    RunningServer running;
    Client client{running.port()};
    REQUIRE(client.send(get("/big") + get("/echo")));
    const std::string reply = client.reply();
    CHECK(reply.size() > 20'000'000);
    CHECK(reply.find_first_not_of('g', reply.find("\r\n\r\n") + 4) == std::string::npos);
    CHECK(has(client.reply(), "GET/echo"));
}

TEST_CASE("server: a body that is too large is refused while it is still being sent",
          "[loopback][accept]") {
    ServerLimits limits;
    limits.body_bytes = 1000;
    RunningServer running{limits};
    Client client{running.port()};
    REQUIRE(client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n"));
    REQUIRE(client.send(std::string(9'000'000, 'x')));  // no reset while it sends
    CHECK(starts(client.reply(), "HTTP/1.1 413 "));
    CHECK(client.closed());
}

TEST_CASE("server: the limits of target and header have statuses of their own",
          "[loopback][accept]") {
    RunningServer running;
    Client target{running.port()};
    REQUIRE(target.send(get("/" + std::string(9000, 'x'))));
    CHECK(starts(target.reply(), "HTTP/1.1 414 "));
    Client header{running.port()};
    REQUIRE(header.send(get("/", "X: " + std::string(17000, 'x') + "\r\n")));
    CHECK(starts(header.reply(), "HTTP/1.1 431 "));
}

TEST_CASE("server: two listeners share a port, and a port in use by another is an error",
          "[loopback][accept]") {
    RunningServer running;
    asio::io_context loop{1};
    TestHandler handler{loop};
    accept::Server second{loop, handler, {}};
    const std::string address = "127.0.0.1:" + std::to_string(running.port());
    const auto shared = second.listen(address);
    REQUIRE(shared);
    CHECK(*shared == running.port());

    asio::ip::tcp::acceptor exclusive{loop};
    exclusive.open(asio::ip::tcp::v4());
    exclusive.bind({asio::ip::address_v4::loopback(), 0});
    exclusive.listen();
    accept::Server third{loop, handler, {}};
    const std::string taken = "127.0.0.1:" + std::to_string(exclusive.local_endpoint().port());
    const auto refused = third.listen(taken);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message == taken + ": bind: Address already in use");
}

TEST_CASE("listener: an address is numbers and a port", "[unit][accept]") {
    struct Row {
        std::string text;
        std::string expected;  // empty: refused
    };
    const auto row = GENERATE(values<Row>({{"127.0.0.1:80", "127.0.0.1:80"},
                                           {"0.0.0.0:0", "0.0.0.0:0"},
                                           {"[::1]:9090", "[::1]:9090"},
                                           {"::1:9090", ""},
                                           {"[127.0.0.1]:80", ""},
                                           {"localhost:80", ""},
                                           {"127.0.0.1", ""},
                                           {"127.0.0.1:", ""},
                                           {"127.0.0.1:65536", ""},
                                           {"127.0.0.1:8x", ""},
                                           {":80", ""}}));
    const auto endpoint = accept::endpoint_from_text(row.text);
    INFO(row.text);
    REQUIRE(endpoint.has_value() == !row.expected.empty());
    if (!endpoint) return;
    const std::string host = endpoint->address().to_string();
    const std::string port = ":" + std::to_string(endpoint->port());
    CHECK((endpoint->address().is_v6() ? "[" + host + "]" : host) + port == row.expected);
}
