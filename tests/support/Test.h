// What every suite includes: CppUnit with short names.
//
//   struct TextTest : mox::test::Suite<TextTest> {
//     static void list(List& l) { l.add("base64", &TextTest::base64); }
//     void base64() { CHECK_EQ(std::string("YQ=="), mox::base64("a")); }
//   };
//   SUITE(TextTest);
#pragma once

#include <cppunit/TestCaller.h>
#include <cppunit/TestFixture.h>
#include <cppunit/TestSuite.h>
#include <cppunit/extensions/HelperMacros.h>

#include <string>

namespace mox::test {

template <class Fixture>
class Suite : public CppUnit::TestFixture {
 public:
  class List {
   public:
    List(CppUnit::TestSuite& suite, std::string name) : suite_(suite), name_(std::move(name)) {}
    void add(const char* test, void (Fixture::*method)()) {
      suite_.addTest(new CppUnit::TestCaller<Fixture>(name_ + "::" + test, method));  // the suite owns it
    }

   private:
    CppUnit::TestSuite& suite_;
    std::string name_;
  };
};

template <class Fixture>
class Factory : public CppUnit::TestFactory {
 public:
  explicit Factory(const char* name) : name_(name) { CppUnit::TestFactoryRegistry::getRegistry().registerFactory(this); }
  CppUnit::Test* makeTest() override {
    auto* suite = new CppUnit::TestSuite(name_);  // the registry's suite owns it
    typename Suite<Fixture>::List list(*suite, name_);
    Fixture::list(list);
    return suite;
  }

 private:
  std::string name_;
};

}  // namespace mox::test

#define SUITE(Fixture) static mox::test::Factory<Fixture> Fixture##_factory(#Fixture)
#define CHECK(condition) CPPUNIT_ASSERT_MESSAGE(#condition, condition)
#define CHECK_EQ(expected, actual) CPPUNIT_ASSERT_EQUAL(expected, actual)
#define CHECK_MSG(message, condition) CPPUNIT_ASSERT_MESSAGE(message, condition)
#define CHECK_THROWS(type, expression) CPPUNIT_ASSERT_THROW(expression, type)
