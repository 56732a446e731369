#include "position/history.hpp"
#include <catch2/catch.hpp>
using namespace lintas::position;
TEST_CASE("placeholder","[unit][position]"){ CHECK(true);}
