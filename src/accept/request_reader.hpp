#pragma once
// Bytes of one connection in, complete requests out: HTTP/1.1 without sockets, so that every split
// of the bytes can be tested.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accept/server.hpp"
#include "base/error.hpp"
#include "base/http_message.hpp"

namespace lintas::accept {

/// Fill prepare(), commit() what came, then call next() until it says need_more or error.
///
/// What comes out depends on the bytes alone, never on how they were split. In steady state nothing
/// is allocated: bytes, decoded chunks and field views live in buffers that are used again.
/// An error is final: nothing behind a malformed request can be trusted (RFC 9112 section 11.2).
/// Source: RFC 9112 sections 2 to 7, RFC 9110 section 10.1.1 (Expect).
class RequestReader {
 public:
    enum class Step {
        need_more,  // nothing complete is buffered
        request,    // request() until the next call of next() or prepare()
        error,      // error() and error_status(); the connection ends after the answer
    };
    enum class Waiting { nothing, head, body };  // what need_more needs more of

    explicit RequestReader(const ServerLimits& limits);

    /// At least 2 KiB to read into. Invalidates the views of request().
    std::span<char> prepare();
    void commit(std::size_t n);

    /// Forgets the request it gave before, and looks for the next one.
    Step next();

    const RawRequest& request() const { return request_; }
    /// Of the request given last: the connection may carry another one (RFC 9112 section 9.3).
    bool keep_alive() const { return keep_alive_; }
    bool http_1_0() const { return version_ == 10; }

    const Error& error() const { return error_; }
    /// A status more exact than the one that error().code stands for (417, 501); 0: there is none.
    int error_status() const { return error_status_; }

    Waiting waiting() const;
    /// Bytes behind the request given last are buffered.
    bool has_more() const { return end_ > begin_ + message_size_; }
    /// True once per request whose client waits for "100 Continue" before it sends the body.
    bool take_continue();

    /// What RawRequest::peer will say; must outlive the reader's use of it.
    void set_peer(std::string_view peer) { request_.peer = peer; }

    /// As new, but keeps a buffer of ordinary size.
    void reset();

 private:
    class HeadParser;
    enum class State { head, sized_body, chunk_size, chunk_data, chunk_end, trailers, failed };

    Step fail(Errc code, std::string_view why, int status = 0);
    Step fail_http(std::string_view why, int status = 0) {
        return fail(Errc::bad_http, why, status);
    }
    Step find_head_end();
    Step parse_head();
    bool resolve_target();
    Step read_chunks();
    /// The size of the line at `raw_`, CRLF included; 0: not complete yet; kTooLong, kBareLineFeed.
    std::size_t line_at_raw(std::size_t limit) const;
    Step complete(std::size_t message_size);
    void start_message();
    void move_message(char* to, std::size_t to_begin);
    char* message() { return buffer_.get() + begin_; }
    const char* message() const { return buffer_.get() + begin_; }
    std::size_t available() const { return end_ - begin_; }

    const std::size_t header_bytes_;
    const std::size_t target_bytes_;
    const std::size_t body_bytes_;

    std::unique_ptr<char[]> buffer_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;  // of the message being read
    std::size_t end_ = 0;    // of what was read

    // Offsets from begin_.
    State state_ = State::head;
    std::size_t line_ = 0;          // start of the head line being looked at
    std::size_t scanned_ = 0;       // no line feed before this
    std::size_t request_line_ = 0;  // its size; 0: not there yet
    std::size_t head_size_ = 0;
    std::size_t body_size_ = 0;  // expected (sized), or decoded so far (chunked)
    std::size_t raw_ = 0;        // chunked: the next byte to decode; chunks are decoded in place
    std::size_t trailer_bytes_ = 0;
    std::uint64_t chunk_left_ = 0;
    std::size_t message_size_ = 0;  // not 0: request() stands at begin_ and has this size
    unsigned empty_lines_ = 0;      // before the request line

    int version_ = 11;
    bool keep_alive_ = true;
    bool chunked_ = false;
    bool expects_continue_ = false;

    std::vector<HeaderView> headers_;
    RawRequest request_;
    Error error_;
    int error_status_ = 0;
};

}  // namespace lintas::accept
