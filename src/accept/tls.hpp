#pragma once
// What a listener needs to speak TLS, made from files and replaced as a whole when they change.

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "accept/server.hpp"
#include "base/result.hpp"

namespace lintas::accept {

class TlsContext {
 public:
    TlsContext() : context_{boost::asio::ssl::context::tls_server} {}
    boost::asio::ssl::context& asio() { return context_; }

 private:
    boost::asio::ssl::context context_;
};

}  // namespace lintas::accept
