#include <iostream>

#include "app/Command.h"

int main(int argc, char** argv) { return mox::app::runMain({argv + 1, argv + argc}, std::cin, std::cout, std::cerr); }
