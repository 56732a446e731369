#include "accept/reply_writer.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <regex>
#include <string>

using namespace lintas;
using accept::Framing;
using accept::ReplyWriter;

namespace {

/// Takes what is pending, at most `step` bytes at a time.
std::string drain(ReplyWriter& writer, std::size_t step = SIZE_MAX) {
    std::string out;
    while (writer.pending() > 0) {
        std::array<iovec, 3> pieces{};
        const std::size_t count = writer.gather(pieces);
        std::size_t taken = 0;
        for (std::size_t i = 0; i < count && taken < step; ++i) {
            const std::size_t n = std::min(pieces[i].iov_len, step - taken);
            out.append(static_cast<const char*>(pieces[i].iov_base), n);
            taken += n;
        }
        REQUIRE(taken > 0);
        writer.consume(taken);
    }
    return out;
}

std::string without_date(const std::string& text) {
    return std::regex_replace(text,
                              std::regex{"Date: [A-Z][a-z]{2}, \\d\\d [A-Z][a-z]{2} \\d{4} "
                                         "\\d\\d:\\d\\d:\\d\\d GMT\r\n"},
                              "<date>");
}

std::string written(const Reply& reply, Framing framing = {}) {
    ReplyWriter writer;
    writer.append(reply, framing);
    return without_date(drain(writer));
}

Reply reply_of(int status, std::string body = {}) {
    Reply reply;
    reply.status = status;
    if (!body.empty()) reply.body = Body::of(std::move(body));
    return reply;
}

}  // namespace

TEST_CASE("writer: a reply is status line, Date, headers, length and body", "[unit][accept]") {
    Reply reply = reply_of(200, "[]");
    reply.set("Content-Type", "application/json");
    reply.add("A", "");
    CHECK(written(reply) ==
          "HTTP/1.1 200 OK\r\n<date>Content-Type: application/json\r\nA: \r\n"
          "Content-Length: 2\r\n\r\n[]");
}

TEST_CASE("writer: framing follows status and method", "[unit][accept]") {
    CHECK(written(reply_of(201)) == "HTTP/1.1 201 Created\r\n<date>Content-Length: 0\r\n\r\n");
    CHECK(written(reply_of(204)) == "HTTP/1.1 204 No Content\r\n<date>\r\n");
    CHECK(written(reply_of(204, "dropped")) == "HTTP/1.1 204 No Content\r\n<date>\r\n");
    CHECK(written(reply_of(304)) == "HTTP/1.1 304 Not Modified\r\n<date>\r\n");
    CHECK(written(reply_of(304, "four")) ==
          "HTTP/1.1 304 Not Modified\r\n<date>Content-Length: 4\r\n\r\n");
    CHECK(written(reply_of(200, "body"), {.head = true}) == "HTTP/1.1 200 OK\r\n<date>\r\n");
    CHECK(written(reply_of(599)) == "HTTP/1.1 599 \r\n<date>Content-Length: 0\r\n\r\n");

    Reply no_length =
        reply_of(200, "x");  // a body without a length could not be told from the next reply
    no_length.content_length = false;
    CHECK(written(no_length) == "HTTP/1.1 200 OK\r\n<date>Content-Length: 1\r\n\r\nx");
}

TEST_CASE("writer: Connection says what happens next", "[unit][accept]") {
    const std::string head = "HTTP/1.1 200 OK\r\n<date>Content-Length: 0\r\n";
    Reply closing = reply_of(200);
    closing.close = true;
    CHECK(written(closing) == head + "Connection: close\r\n\r\n");
    CHECK(written(reply_of(200), {.close = true}) == head + "Connection: close\r\n\r\n");
    CHECK(written(reply_of(200), {.keep_alive_1_0 = true}) ==
          head + "Connection: keep-alive\r\n\r\n");
}

TEST_CASE("writer: a header that could end its line or contradict the framing never gets out",
          "[unit][accept]") {
    Reply reply = reply_of(200);
    reply.add("A", "x\r\nSet-Cookie: y");
    reply.add("B", "x\ny");
    reply.add("C", std::string{"x\0y", 3});
    reply.add("D\r\nE", "x");
    reply.add("F:", "x");
    reply.add("", "x");
    reply.add("G h", "x");
    reply.add("content-length", "7");
    reply.add("Transfer-Encoding", "chunked");
    reply.add("CONNECTION", "keep-alive");
    reply.add("Date", "never");
    reply.add("Fine", "x\ty");
    CHECK(written(reply) == "HTTP/1.1 200 OK\r\n<date>Fine: x\ty\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("writer: answers of several requests and 100 Continue stay in order", "[unit][accept]") {
    ReplyWriter writer;
    writer.append(reply_of(200, "one"), {});
    writer.append_continue();
    writer.append(reply_of(404, "two"), {});
    CHECK(without_date(drain(writer, 7)) ==
          "HTTP/1.1 200 OK\r\n<date>Content-Length: 3\r\n\r\none"
          "HTTP/1.1 100 Continue\r\n\r\n"
          "HTTP/1.1 404 Not Found\r\n<date>Content-Length: 3\r\n\r\ntwo");
}

TEST_CASE("writer: large pieces are referred to, kept alive, and dropped once they are sent",
          "[unit][accept]") {
    const auto owner = std::make_shared<const std::string>(100'000, 'L');
    Reply reply;
    reply.body.pieces = {"[", *owner, ",", *owner, "]"};
    reply.body.keep = owner;
    const std::string body = "[" + *owner + "," + *owner + "]";
    const std::size_t step = GENERATE(1000U, 99'999U, 100'001U, 1'000'000U);

    ReplyWriter writer;
    writer.append(reply_of(200, "first"), {});
    writer.append(reply, {});
    writer.append(reply_of(200, "last"), {});
    reply = {};
    CHECK(owner.use_count() == 2);
    std::array<iovec, 8> pieces{};
    REQUIRE(writer.gather(pieces) == 5);
    CHECK(pieces[1].iov_base == owner->data());

    CHECK(without_date(drain(writer, step)) ==
          "HTTP/1.1 200 OK\r\n<date>Content-Length: 5\r\n\r\nfirst"
          "HTTP/1.1 200 OK\r\n<date>Content-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + body +
              "HTTP/1.1 200 OK\r\n<date>Content-Length: 4\r\n\r\nlast");
    CHECK(owner.use_count() == 1);
}

TEST_CASE("writer: a writer that is half sent takes more", "[unit][accept]") {
    const std::string big(10'000, 'b');
    std::string expected;
    std::string got;
    ReplyWriter writer;
    for (int i = 0; i < 20; ++i) {
        Reply reply = reply_of(200, i % 3 == 0 ? big : std::string{"small"});
        expected += written(reply);
        writer.append(reply, {});
        std::array<iovec, 1> piece{};
        writer.gather(piece);
        const std::size_t n = std::min<std::size_t>(piece[0].iov_len, 150);
        got.append(static_cast<const char*>(piece[0].iov_base), n);
        writer.consume(n);
    }
    got += drain(writer);
    CHECK(without_date(got) == expected);
}
