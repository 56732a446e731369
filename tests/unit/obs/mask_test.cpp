#include "obs/mask.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

using lintas::obs::mask_url;

TEST_CASE("mask: passwords in URLs and keyword strings are hidden, the rest stays", "[unit][obs]") {
    struct Row {
        std::string_view url;
        std::string_view masked;
    };
    const Row row = GENERATE(values<Row>({
        {"postgresql://u:s3cret@db:5432/shop", "postgresql://u:***@db:5432/shop"},
        {"postgres://u:s3cret@a:1,b:2/shop?target_session_attrs=read-write",
         "postgres://u:***@a:1,b:2/shop?target_session_attrs=read-write"},
        {"postgresql://u@db:5432/shop", "postgresql://u@db:5432/shop"},
        {"postgresql://db:5432/shop", "postgresql://db:5432/shop"},
        {"postgresql:///shop?host=/run/pg&password=s3cret&user=u",
         "postgresql:///shop?host=/run/pg&password=***&user=u"},
        {"postgresql:///shop?pass%77ord=s3cret", "postgresql:///shop?pass%77ord=***"},
        {"postgresql:///shop?sslpassword=s3cret&passfile=/f",
         "postgresql:///shop?sslpassword=***&passfile=/f"},
        {"postgresql://u:s3@cret/s3cret?s3cret@db/shop",
         "postgresql://u:***@db/shop"},  // not escaped
        {"redis://:s3cret@r:6379", "redis://:***@r:6379"},
        {"host=db password=s3cret user=u", "host=db password=*** user=u"},
        {"host=db password = 's3cret s3cret' user=u", "host=db password=*** user=u"},
        {R"(password='s3cret\' s3cret' user=u)", "password=*** user=u"},
        {R"(password=s3cret\ s3cret user=u)", "password=*** user=u"},
        {"PASSWORD=s3cret", "PASSWORD=***"},
        {"host=db options='-c a=b'", "host=db options='-c a=b'"},
        {"password='s3cret", "***"},  // an open quote
        {"s3cret", "***"},            // neither form
        {"", ""},
    }));
    CAPTURE(row.url);
    CHECK(mask_url(row.url) == row.masked);
    CHECK(mask_url(row.url).find("s3cret") == std::string::npos);
}

TEST_CASE("mask: a sentence stays readable but for the secrets in it", "[unit][obs]") {
    struct Row {
        std::string_view text;
        std::string_view masked;
    };
    const Row row = GENERATE(values<Row>({
        {R"(connection to server at "127.0.0.1", port 5432 failed: Connection refused)",
         R"(connection to server at "127.0.0.1", port 5432 failed: Connection refused)"},
        {R"(FATAL:  password authentication failed for user "u")",
         R"(FATAL:  password authentication failed for user "u")"},
        {R"(invalid URI "postgresql://u:s3cret@db" given)",
         R"(invalid URI "postgresql://u:***@db" given)"},
        {"cannot use host=db password=s3cret user=u", "cannot use host=db password=*** user=u"},
        {"cannot use password = 's3cret s3cret' user=u", "cannot use password =*** user=u"},
        {"cannot use password='s3cret s3cret", "cannot use password=***"},
        {"from redis://:s3cret@r to postgresql:///d?password=s3cret&user=u failed",
         "from redis://:***@r to postgresql:///d?password=***&user=u failed"},
        {"trailing password=", "trailing password=***"},
    }));
    CHECK(mask_url(row.text) == row.masked);
}

TEST_CASE("mask: a password of any printable characters, unescaped, never shows in a URL",
          "[unit][obs]") {
    for (char a = '!'; a <= '~'; ++a) {
        for (char b = '!'; b <= '~'; ++b) {
            const std::string password = std::string{"QQ"} + a + "QQ" + b + "QQ";
            const std::string masked = mask_url("postgresql://user:" + password + "@db/shop");
            CAPTURE(password, masked);
            REQUIRE(masked.find("QQ") == std::string::npos);
        }
    }
}
