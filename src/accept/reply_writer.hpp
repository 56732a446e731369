#pragma once
// Replies to bytes: what several requests of one read are answered goes out in one write.

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/http_message.hpp"

namespace lintas::accept {

/// What the request says about how its answer is framed.
struct Framing {
    bool head = false;            // HEAD: no body follows
    bool close = false;           // announce that the connection ends
    bool keep_alive_1_0 = false;  // HTTP/1.0 needs to be told that it does not
};

/// Collects the bytes of replies in order. Pieces of a body from 8 KiB up are referred to, not
/// copied; the writer shares their ownership until they are consumed. In steady state it allocates
/// nothing.
class ReplyWriter {
 public:
    /// Framing always wins over the reply: a header that would contradict it (Content-Length,
    /// Transfer-Encoding, Connection, Date) is left out, and so is one whose name or value could
    /// end its line. Source: RFC 9112 section 6, RFC 9110 sections 6.6.1 and 8.6.
    void append(const Reply& reply, Framing framing);
    void append_continue();

    /// Bytes that wait.
    std::size_t pending() const { return pending_; }
    /// The first of them; fills at most out.size() entries and returns how many.
    std::size_t gather(std::span<iovec> out) const;
    void consume(std::size_t n);

    /// As new, but keeps a buffer of ordinary size.
    void reset();

 private:
    struct Segment {
        const char* external;  // nullptr: at `offset` of the text
        std::size_t offset;
        std::size_t size;
    };

    char* room(std::size_t bytes);  // at the end of the text
    void end_text(const char* end);
    void append_body(const Body& body);

    std::unique_ptr<char[]> text_;
    std::size_t capacity_ = 0;
    std::size_t size_ = 0;
    std::vector<Segment> segments_;  // text that no segment covers yet comes last
    std::size_t covered_ = 0;        // the text before this belongs to a segment or is consumed
    std::size_t first_ = 0;          // segments before this are consumed
    std::size_t pending_ = 0;
    std::vector<std::shared_ptr<const void>> kept_;
};

/// "Date: Tue, 15 Nov 1994 08:12:31 GMT\r\n", rendered once a second for each thread.
std::string_view date_line();

}  // namespace lintas::accept
