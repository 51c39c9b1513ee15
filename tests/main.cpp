// Runs the registered suites. Arguments: names of suites or tests ("TextTest", "TextTest::base64"); none runs all.
#include <cppunit/BriefTestProgressListener.h>
#include <cppunit/TestResult.h>
#include <cppunit/TestResultCollector.h>
#include <cppunit/TextOutputter.h>
#include <cppunit/extensions/TestFactoryRegistry.h>
#include <cppunit/ui/text/TestRunner.h>

#include <csignal>
#include <iostream>

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CppUnit::TestResult result;
  CppUnit::TestResultCollector collector;
  CppUnit::BriefTestProgressListener progress;
  result.addListener(&collector);
  if (std::getenv("MOX_TEST_VERBOSE") != nullptr) result.addListener(&progress);
  CppUnit::TextTestRunner runner;
  runner.addTest(CppUnit::TestFactoryRegistry::getRegistry().makeTest());
  if (argc < 2) runner.run(result);
  for (int i = 1; i < argc; ++i) runner.run(result, argv[i]);
  CppUnit::TextOutputter(&collector, std::cout).write();
  auto failed = static_cast<unsigned>(collector.testFailuresTotal());
  auto total = static_cast<unsigned>(collector.runTests());
  std::cout << (total - failed) << " passed, " << failed << " failed\n";
  return failed == 0 && total > 0 ? 0 : 1;
}
