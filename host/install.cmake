# Installs the libraries, the headers, the program, the CMake package and the pkg-config file.
set(ATROUS_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/atrous)

install(TARGETS atrous EXPORT atrousTargets)
install(TARGETS atrous_static EXPORT atrousStaticTargets)
set(ATROUS_HEADERS atrous check context conv field plan stack starlet status)
if(ATROUS_OPENCL)
    list(APPEND ATROUS_HEADERS opencl stack_opencl)
endif()
foreach(header ${ATROUS_HEADERS})
    install(FILES include/atrous/${header}.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/atrous)
endforeach()
if(ATROUS_CLI)
    file(RELATIVE_PATH to_lib ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
    set_target_properties(atrous-cli PROPERTIES INSTALL_RPATH "$ORIGIN/${to_lib}")
endif()
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# Static and shared are exported apart: a user of the shared library needs no OpenMP.
foreach(export atrousTargets atrousStaticTargets)
    install(EXPORT ${export} NAMESPACE atrous:: DESTINATION ${ATROUS_PACKAGE_DIR})
endforeach()
configure_package_config_file(host/atrousConfig.cmake.in ${PROJECT_BINARY_DIR}/atrousConfig.cmake
    INSTALL_DESTINATION ${ATROUS_PACKAGE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/atrousConfigVersion.cmake
    COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/atrousConfig.cmake ${PROJECT_BINARY_DIR}/atrousConfigVersion.cmake
    DESTINATION ${ATROUS_PACKAGE_DIR})

file(RELATIVE_PATH ATROUS_PC_UP ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" ATROUS_PC_UP "${ATROUS_PC_UP}")
set(ATROUS_PC_REQUIRES "")
if(ATROUS_OPENCL)
    set(ATROUS_PC_REQUIRES OpenCL)
endif()
set(ATROUS_PC_REQUIRES_PRIVATE "")
if(ATROUS_STORE)
    set(ATROUS_PC_REQUIRES_PRIVATE sqlite3)
endif()
configure_file(host/atrous.pc.in ${PROJECT_BINARY_DIR}/atrous.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/atrous.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
