// Frames of GET /link/v1/feed and the request for them. What is decoded is encoded to what decodes
// to the same.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "feed/publisher.hpp"
#include "feed/wire.hpp"

namespace {

using namespace lintas::feed;

void require(bool condition) {
    if (!condition) std::abort();
}

std::string encoded(const wire::Frame& frame) {
    std::string bytes;
    std::visit([&](const auto& one) { wire::append(bytes, one); }, frame);
    return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    static_cast<void>(parse_link_request(bytes));
    wire::Decoder decoder;
    wire::Frame frame;
    decoder.push(bytes.substr(0, size / 2));
    while (decoder.next(frame) == wire::Decoder::Next::frame) {
    }
    decoder.push(bytes.substr(size / 2));
    while (decoder.next(frame) == wire::Decoder::Next::frame) {
        const std::string once = encoded(frame);
        wire::Decoder again;
        again.push(once);
        wire::Frame copy;
        require(again.next(copy) == wire::Decoder::Next::frame);
        require(encoded(copy) == once);
    }
    return 0;
}
