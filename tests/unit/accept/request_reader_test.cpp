#include "accept/request_reader.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "reader_script.hpp"

using namespace lintas;
using accept::RequestReader;
using accept::ServerLimits;
using accept::script::Feed;
using Lines = std::vector<std::string>;

namespace {

ServerLimits small_limits() {
    ServerLimits limits;
    limits.target_bytes = 100;
    limits.header_bytes = 300;
    limits.body_bytes = 50;
    return limits;
}

Lines whole(std::string_view bytes, const ServerLimits& limits) {
    Feed feed{limits};
    feed.bytes(bytes);
    return feed.lines();
}

Lines byte_by_byte(std::string_view bytes, const ServerLimits& limits) {
    Feed feed{limits};
    for (std::size_t i = 0; i < bytes.size(); ++i) feed.bytes(bytes.substr(i, 1));
    return feed.lines();
}

/// However the bytes are split, the same comes out.
void expect_lines(const std::string& bytes, const Lines& expected, const ServerLimits& limits) {
    INFO(bytes);
    CHECK(whole(bytes, limits) == expected);
    CHECK(byte_by_byte(bytes, limits) == expected);
    for (std::size_t at = 1; at < bytes.size(); ++at) {
        Feed feed{limits};
        feed.bytes(std::string_view{bytes}.substr(0, at));
        feed.bytes(std::string_view{bytes}.substr(at));
        INFO("split at " << at);
        REQUIRE(feed.lines() == expected);
    }
}

struct Row {
    std::string bytes;
    std::string expected;
};

}  // namespace

TEST_CASE("reader: a good request comes out whole, however its bytes are split", "[unit][accept]") {
    const auto row = GENERATE(values<Row>({
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / Host=[a]"},
        {"GET /x?a=eq.1 HTTP/1.1\r\nhOST: a:8080\r\nX: \t v w \t\r\n\r\n",
         "GET /x?a=eq.1 hOST=[a:8080] X=[v w]"},
        {"GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY: \r\n\r\n", "GET / Host=[a] X=[] Y=[]"},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / Host=[]"},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: t\tab \xc3\xa9\r\n\r\n",
         "GET / Host=[a] X=[t\tab \xc3\xa9]"},
        {"FROB /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", "FROB /\xc3\xa9 Host=[a]"},
        {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / Host=[a]"},
        // keep-alive
        {"GET / HTTP/1.0\r\n\r\n", "GET / close"},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / Connection=[keep-alive]"},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n",
         "GET / Host=[a] Connection=[foo, Close] close"},
        // asked to become something else: ignored
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
         "GET / Host=[a] Connection=[upgrade] Upgrade=[h2c]"},
        // targets
        {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS / Host=[a]"},
        {"GET http://h:1/p?q HTTP/1.1\r\nHost: a\r\n\r\n", "GET /p?q Host=[a]"},
        {"GET HTTPS://h HTTP/1.1\r\nHost: a\r\n\r\n", "GET / Host=[a]"},
        {"GET http://h?q=/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET /?q=/ Host=[a]"},
        // bodies
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
         "POST / Host=[a] Content-Length=[5] body=[hello]"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
         "POST / Host=[a] Content-Length=[2] Content-Length=[2] body=[hi]"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
         "POST / Host=[a] Content-Length=[0]"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
         "5\r\nhello\r\n6;x=\"y\"\r\n world\r\n0\r\n\r\n",
         "POST / Host=[a] Transfer-Encoding=[Chunked] body=[hello world]"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
         "0001 ; n\r\n\r\r\n000\r\nContent-Length: 7\r\nT: u\r\n\r\n",
         "POST / Host=[a] Transfer-Encoding=[chunked] body=[\r]"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "POST / Host=[a] Transfer-Encoding=[chunked]"},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx",
         "POST / Host=[a] Expect=[100-Continue] Content-Length=[1] body=[x]"},
    }));
    expect_lines(row.bytes, {row.expected}, small_limits());
}

TEST_CASE("reader: what is malformed is refused, however its bytes are split", "[unit][accept]") {
    const std::string long_target(101, 'x');
    const std::string endless(400, 'x');
    const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n";
    const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
    std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 0; i < 128; ++i) many += "A:\r\n";
    const std::vector<Row> rows{
        // lines
        {"GET / HTTP/1.1\nHost: a\r\n\r\n", "bad_http: a line feed without CR"},
        {"GET / HTTP/1.1\r\nHost: a\n\r\n", "bad_http: a line feed without CR"},
        {"GET / HTTP/1.1\r\nHost: a\r\n\n", "bad_http: a line feed without CR"},
        {"\n", "bad_http: a line feed without CR"},
        {"\r\n\nGET", "bad_http: a line feed without CR"},
        {"\r\n\r\n\r\n\r\n\r\n", "bad_http: empty lines"},
        {"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "bad_http: a folded header line"},
        {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "bad_http: a folded header line"},
        {"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "bad_http: bad line ending"},
        {"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", "bad_http: bad line ending"},
        // the request line
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "bad_http: bad version"},
        {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", "bad_http: bad version"},
        {"GET /\r\nHost: a\r\n\r\n", "bad_http: bad target"},
        {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_http: bad target"},
        {"GET / x HTTP/1.1\r\nHost: a\r\n\r\n", "bad_http: bad version"},
        {"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", "bad_http: bad target"},
        {"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_http: bad method"},
        {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_http: bad method"},
        {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", "bad_http: the request target"},
        {"GET x HTTP/1.1\r\nHost: a\r\n\r\n", "bad_http: the request target"},
        {"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", "bad_http: the request target"},
        {"GET http://u@h/x HTTP/1.1\r\nHost: a\r\n\r\n", "bad_http: the request target"},
        {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "bad_http: the request target"},
        {"GET /" + long_target + " HTTP/1.1\r\nHost: a\r\n\r\n",
         "target_too_long: limits.target_bytes"},
        {"GET /" + endless, "target_too_long: limits.target_bytes"},
        // fields
        {"GET / HTTP/1.1\r\n\r\n", "bad_http: no Host"},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "bad_http: more than one Host"},
        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "bad_http: the value of Host"},
        {"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", "bad_http: bad field"},
        {"GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n", "bad_http: bad field"},
        {"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", "bad_http: bad field"},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", "bad_http: bad value"},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", "bad_http: bad value"},
        {std::string{"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 33}, "bad_http: bad value"},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: " + endless, "headers_too_large: limits.header_bytes"},
        // what frames a body
        {head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
         "bad_http: multiple Content-Length"},
        {head + "Content-Length: 1, 1\r\n\r\n", "bad_http: the value of Content-Length"},
        {head + "Content-Length: -1\r\n\r\n", "bad_http: bad Content-Length"},
        {head + "Content-Length: +1\r\n\r\n", "bad_http: bad Content-Length"},
        {head + "Content-Length: 0x1\r\n\r\n", "bad_http: bad Content-Length"},
        {head + "Content-Length: 99999999999999999999\r\n\r\n", "bad_http: bad Content-Length"},
        {head + "Content-Length: 51\r\n\r\n", "body_too_large: limits.body_bytes"},
        {head + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         "bad_http: bad Transfer-Encoding"},
        {head + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
         "bad_http: bad Content-Length"},
        {head + "Transfer-Encoding: gzip, chunked\r\n\r\n",
         "bad_http 501: a Transfer-Encoding other than chunked"},
        {head + "Transfer-Encoding: x\r\nContent-Length: 1\r\n\r\n",
         "bad_http 501: a Transfer-Encoding other than chunked"},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
         "bad_http: Transfer-Encoding in HTTP/1.0"},
        {head + "Expect: coffee\r\n\r\n", "bad_http 417: an expectation other than 100-continue"},
        // chunks
        {chunked + "\r\n", "bad_http: a chunk size"},
        {chunked + "x\r\n", "bad_http: a chunk size"},
        {chunked + "1 1\r\n", "bad_http: a chunk size"},
        {chunked + "0x1\r\n", "bad_http: a chunk size"},
        {chunked + "1\nx", "bad_http: a chunk header"},
        {chunked + "1;" + endless, "bad_http: a chunk header"},
        {chunked + "1;a\rb\r\n", "bad_http: a chunk extension"},
        {chunked + "1\r\nxx", "bad_http: a chunk longer than its size"},
        {chunked + "1\r\nx\rx", "bad_http: a chunk longer than its size"},
        {chunked + "33\r\n", "body_too_large: limits.body_bytes"},
        {chunked + "1\r\nx\r\n32\r\n", "body_too_large: limits.body_bytes"},
        {chunked + "ffffffffffffffff\r\n", "bad_http: a chunk size"},
        {chunked + "0\r\nA: b\n", "bad_http: a trailer"},
        {chunked + "0\r\nA: " + endless, "headers_too_large: trailers"},
    };
    for (const Row& row : rows) expect_lines(row.bytes, {row.expected}, small_limits());

    ServerLimits limits;
    expect_lines(many + "\r\n", {"headers_too_large: more than 128 header fields"}, limits);
}

TEST_CASE("reader: a head of exactly the limits is accepted", "[unit][accept]") {
    const ServerLimits limits = small_limits();
    const std::string target = "/" + std::string(limits.target_bytes - 1, 'x');
    const std::string host = "Host: a\r\nX: ";
    const std::string value(limits.header_bytes - host.size() - 4, 'v');
    expect_lines("GET " + target + " HTTP/1.1\r\n" + host + value + "\r\n\r\n",
                 {"GET " + target + " Host=[a] X=[" + value + "]"}, limits);
    const std::string longer = "GET / HTTP/1.1\r\n" + host + value + "v\r\n\r\n";
    expect_lines(longer, {"headers_too_large: limits.header_bytes"}, limits);
}

TEST_CASE("reader: pipelined requests come out in order, and nothing after an error",
          "[unit][accept]") {
    const std::string bytes =
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
        "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        "\r\n"
        "POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\nde\r\n1\r\nf\r\n0\r\n\r\n"
        "GET /4 HTTP/1.1\r\nHost: a\r\n\r\n"
        "GET /5 HTTP/1.1\r\n\r\n"
        "GET /6 HTTP/1.1\r\nHost: a\r\n\r\n";
    expect_lines(bytes,
                 {"GET /1 Host=[a]", "POST /2 Host=[a] Content-Length=[3] body=[abc]",
                  "POST /3 Host=[a] Transfer-Encoding=[chunked] body=[def]", "GET /4 Host=[a]",
                  "bad_http: no Host"},
                 small_limits());
}

TEST_CASE("reader: views stay right while a large body makes the buffer grow", "[unit][accept]") {
    const ServerLimits limits;
    const std::string body(3'000'000, 'b');
    const std::string head = "POST /big HTTP/1.1\r\nHost: a\r\n";
    const std::string sized =
        head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
    for (std::size_t at = 0; at < body.size(); at += 1000)
        chunked += "3e8\r\n" + body.substr(at, 1000) + "\r\n";
    chunked += "0\r\n\r\n";
    const std::string bytes = "GET /0 HTTP/1.1\r\nHost: a\r\n\r\n" + sized + chunked;
    const std::size_t piece = GENERATE(997U, 16384U, 10'000'000U);
    Feed feed{limits};
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        feed.bytes(std::string_view{bytes}.substr(at, piece));
    const Lines lines = feed.lines();
    REQUIRE(lines.size() == 3);
    CHECK(lines[1] == "POST /big Host=[a] Content-Length=[3000000] body=[" + body + "]");
    CHECK(lines[2] == "POST /big Host=[a] Transfer-Encoding=[chunked] body=[" + body + "]");
}

TEST_CASE("reader: says what it waits for, and once that the client waits for 100 Continue",
          "[unit][accept]") {
    using Waiting = RequestReader::Waiting;
    Feed feed{ServerLimits{}};
    CHECK(feed.reader().waiting() == Waiting::nothing);
    feed.bytes("PO");
    CHECK(feed.reader().waiting() == Waiting::head);
    feed.bytes("ST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK(feed.reader().waiting() == Waiting::body);
    CHECK(feed.reader().take_continue());
    CHECK_FALSE(feed.reader().take_continue());
    feed.bytes("x");
    CHECK(feed.reader().waiting() == Waiting::body);
    feed.bytes("y");
    CHECK(feed.lines().size() == 1);
    CHECK(feed.reader().waiting() == Waiting::nothing);

    // Who sends at once, or speaks HTTP/1.0, does not wait.
    feed.bytes("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nx");
    CHECK_FALSE(feed.reader().take_continue());
    feed.bytes("y");
    feed.bytes("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK_FALSE(feed.reader().take_continue());
}

TEST_CASE("reader: a reader that was reset is as new", "[unit][accept]") {
    Feed feed{ServerLimits{}};
    feed.bytes("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" +
               std::string(100000, 'x'));
    feed.reader().reset();
    CHECK(feed.reader().waiting() == RequestReader::Waiting::nothing);
    feed.bytes("GET /new HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(feed.lines() == Lines{"GET /new Host=[a]"});
}
