// The HTTP session's reader: bytes of one connection in pieces of any size. Whatever the bytes are,
// nothing crashes, no view leaves its buffer, and the pieces do not change what comes out.
//
// Input: one byte per piece says how large it is, up to a 0; the rest is the connection.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "../unit/accept/reader_script.hpp"
#include "accept/reply_writer.hpp"

using namespace lintas;
using accept::script::Feed;

namespace {

accept::ServerLimits small_limits() {
    accept::ServerLimits limits;  // small, so that the fuzzer reaches them
    limits.target_bytes = 128;
    limits.header_bytes = 512;
    limits.body_bytes = 256;
    return limits;
}

void fail(const char* what, const std::vector<std::string>& a, const std::vector<std::string>& b) {
    std::fprintf(stderr, "%s\n", what);
    for (const std::string& line : a) std::fprintf(stderr, "  whole: %s\n", line.c_str());
    for (const std::string& line : b) std::fprintf(stderr, "  split: %s\n", line.c_str());
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::size_t> pieces;
    std::size_t at = 0;
    while (at < size && data[at] != 0 && pieces.size() < 32) pieces.push_back(data[at++]);
    if (at < size) ++at;
    const std::string_view bytes{reinterpret_cast<const char*>(data) + at, size - at};

    Feed whole{small_limits()};
    whole.bytes(bytes);

    Feed split{small_limits()};
    std::string_view rest = bytes;
    for (std::size_t i = 0; !rest.empty(); ++i) {
        const std::size_t wanted = pieces.empty() ? 1 : pieces[i % pieces.size()];
        const std::size_t n = wanted < rest.size() ? wanted : rest.size();
        split.bytes(rest.substr(0, n));
        rest.remove_prefix(n);
    }
    if (whole.lines() != split.lines())
        fail("the pieces change the outcome", whole.lines(), split.lines());

    // What a client can make a handler echo still leaves as one header line.
    Reply reply;
    reply.set("Echo", std::string{bytes});
    reply.add(std::string{bytes.substr(0, 20)}, "x");
    accept::ReplyWriter writer;
    writer.append(reply, {});
    iovec piece{};
    writer.gather({&piece, 1});
    const std::string_view head{static_cast<const char*>(piece.iov_base), piece.iov_len};
    if (head.find("\r\n\r\n") != head.size() - 4)
        fail("a header splits the reply", {}, {std::string{head}});
    writer.consume(writer.pending());
    return 0;
}
